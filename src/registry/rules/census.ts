import { SluiceError } from '../../model/fault.ts';
import type { Pieces } from '../../model/pieces.ts';
import type { Caller } from '../contract.ts';
import type { HeldRecord } from '../documents.ts';

/**
 * Counts the registered servers of each environment as this process last saw them. A join of a new id therefore reads no other record. What
 * other processes registered is counted after the next list, which a balancer reads every few seconds.
 */
export class Census {
  readonly #groups = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  /** Takes a complete list in the place of all that was known, one server in a piece. */
  *replace(records: Iterable<HeldRecord>): Pieces<void> {
    const present = new Set<string>();
    for (const record of records) {
      this.note(record);
      present.add(record.id);
      yield;
    }
    for (const id of this.#groups.keys()) {
      if (!present.has(id)) this.forget(id);
      yield;
    }
  }

  note(record: HeldRecord): void {
    const group = groupOf(record);
    if (this.#groups.get(record.id) === group) return;
    this.forget(record.id);
    this.#groups.set(record.id, group);
    this.#counts.set(group, (this.#counts.get(group) ?? 0) + 1);
  }

  forget(id: string): void {
    const group = this.#groups.get(id);
    if (group === undefined) return;
    this.#groups.delete(id);
    const left = (this.#counts.get(group) ?? 1) - 1;
    if (left > 0) this.#counts.set(group, left);
    else this.#counts.delete(group);
  }

  /** Throws `throttled` if a caller's server would be one too many in its environment. */
  mustHaveRoom(record: HeldRecord, caller: Caller | undefined): void {
    const most = caller?.mostServers ?? 0;
    const group = groupOf(record);
    if (most === 0 || this.#groups.get(record.id) === group || (this.#counts.get(group) ?? 0) < most) return;
    const where = group === '' ? 'without an environment' : `of "${group}"`;
    throw new SluiceError(
      'throttled',
      `${most} servers ${where} are registered, which is the most: stop servers that are not needed (lost ones are forgotten after an hour), or raise control.joins.servers`,
    );
  }
}

/** The environment in which a server is counted: the one of its token, so that a token for one environment uses up no other's room. */
function groupOf({ holder, environment }: HeldRecord): string {
  return holder?.environment ?? environment ?? '';
}
