import type { TableServer } from './table.ts';

/** Differences between the servers of a table and those of the table before it. */
export interface TableChanges {
  /** Servers that are new, or not the same objects as before; in the order of the table. */
  readonly changed: readonly TableServer[];
  /** Ids of servers that have left. */
  readonly left: readonly string[];
}

/**
 * Compares two lists of servers in one pass, which costs next to nothing if most servers are the same objects: both are sorted by id. Where they are
 * not, more servers than necessary are said to have changed, and nothing is missed.
 */
export function tableChanges(before: readonly TableServer[], after: readonly TableServer[]): TableChanges {
  const changed: TableServer[] = [];
  const passed: string[] = [];
  let at = 0;
  for (const server of after) {
    let known = before[at];
    while (known !== undefined && known !== server && known.id < server.id) {
      passed.push(known.id);
      known = before[++at];
    }
    if (known !== server) changed.push(server);
    if (known?.id === server.id) at++;
  }
  for (; at < before.length; at++) passed.push((before[at] as TableServer).id);
  if (passed.length === 0) return { changed, left: passed };
  const present = new Set(after.map(({ id }) => id));
  return { changed, left: passed.filter((id) => !present.has(id)) };
}
