import * as z from 'zod';
import { checkedLine, checkedLineInPieces } from '../model/checked-line.ts';
import { jsonPieces } from '../model/json-pieces.ts';
import { name } from '../model/name.ts';
import { parsePieces } from '../model/parse-pieces.ts';
import type { Pieces } from '../model/pieces.ts';
import type { Project } from '../model/project.ts';
import { count } from '../model/quantity.ts';
import { serverTls, snapshotId, underscores } from '../model/snapshot.ts';
import { type SavedProject, savedProject } from './saved-project.ts';

/** Ends a group of changes, which count only together with it. */
const commit = snapshotId.extend({
  environment: name,
  variables: z.record(z.string(), z.string()),
  underscores,
  serverTls,
  /** The snapshot that the group changes; absent: the group is a whole snapshot. */
  from: snapshotId.exactOptional(),
  /** Number of changes in the group. */
  changes: count,
});

/** A line of the log, except its heading and the lines with contents. */
const record = z.union([z.strictObject({ put: savedProject }), z.strictObject({ removed: name }), z.strictObject({ commit })]);

export type Commit = z.output<typeof commit>;
export type SnapshotRecord = z.output<typeof record>;

/** Text of the first line. */
export const heading = '{"sluice":"snapshots","format":1}';

const contentsStart = /^\{"contents":"([0-9a-f]{64})","project":/;

/** Hash of the contents in a line; undefined if it is another line. The contents may be long and are not parsed. */
export function hashIn(text: string): string | undefined {
  return contentsStart.exec(text)?.[1];
}

/** The octets of the line with contents, in parts. */
export function contentsLine(hash: string, contents: Project): Pieces<Buffer[]> {
  return checkedLineInPieces(jsonPieces({ contents: hash, project: contents }));
}

/** The contents in a line, as some version wrote them. */
export function* contentsIn(text: string): Pieces<unknown> {
  return ((yield* parsePieces(text)) as { project: unknown }).project;
}

export function putLine(put: SavedProject): string {
  return checkedLine(JSON.stringify({ put }));
}

export function removedLine(removed: string): string {
  return checkedLine(JSON.stringify({ removed }));
}

export function commitLine(given: z.input<typeof commit>): string {
  return checkedLine(JSON.stringify({ commit: given }));
}

/** Parses a line that is no heading and has no contents. Throws if it is none that Sluice writes. */
export function recordIn(text: string): SnapshotRecord {
  return record.parse(JSON.parse(text));
}
