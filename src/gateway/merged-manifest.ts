import type { Manifest } from '../model/manifest.ts';

/** Adds changes to a manifest that they follow. The result starts from the same snapshot as the manifest; it is whole if the manifest is. */
export function mergedManifest(before: Manifest, changes: Manifest): Manifest {
  const { from, ...next } = changes;
  const gone = new Set(changes.removed);
  const put = new Map(before.put.filter(({ name }) => !gone.has(name)).map((entry) => [entry.name, entry]));
  for (const entry of changes.put) put.set(entry.name, entry);
  const removed = before.from === undefined ? [] : [...new Set([...before.removed, ...gone])].filter((name) => !put.has(name));
  return { ...next, ...(before.from && { from: before.from }), put: [...put.values()], removed };
}
