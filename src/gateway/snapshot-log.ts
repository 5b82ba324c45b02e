import { closeSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checkedLine, textOfLine, textOfLineInPieces } from '../model/checked-line.ts';
import { inTurns, type Pieces } from '../model/pieces.ts';
import { type Project, projectInPieces } from '../model/project.ts';
import { settingsOf } from '../model/snapshot.ts';
import type { SnapshotId } from '../model/snapshot-id.ts';
import { replaceFile } from '../registry/replace-file.ts';
import { linesOf } from './lines-of.ts';
import type { SavedProject } from './saved-project.ts';
import { hashesOf, type SavedSnapshot } from './saved-snapshot.ts';
import { type Place, SnapshotLines } from './snapshot-lines.ts';
import { commitLine, contentsIn, contentsLine, hashIn, heading, putLine, removedLine } from './snapshot-records.ts';
import { SnapshotReplay } from './snapshot-replay.ts';

/** Octets by which the log may grow in any case before it is written anew. */
const leastGrowth = 1024 * 1024;
/** Returns contents by hash; undefined: they cannot be read. */
export type ReadContents = (hash: string) => Pieces<Project | undefined>;

/** A change to append: contents that the file does not have yet, and names of projects that were put or removed since the snapshot `from`. */
export interface LogChange {
  readonly from: SnapshotId;
  readonly contents: ReadonlyMap<string, Project>;
  readonly names: ReadonlySet<string>;
}

/**
 * A file of lines with checksums, to which changes of the snapshot are appended. It holds the contents of each revision once, found by their hash.
 * A change and the contents that it needs are written and synced together. A log that has outgrown what it holds is written anew beside the old
 * one and renamed over it. Therefore a kill or a power cut at any moment leaves the snapshot before or the one after.
 */
export class SnapshotLog {
  readonly path: string;
  #places = new Map<string, Place>();
  /** The file as this object left it; undefined: it must be written anew before anything is appended. */
  #known: { readonly inode: number; length: number } | undefined;
  /** Length above which the file should be written anew. */
  #limit = 0;

  constructor(dataDir: string) {
    this.path = join(dataDir, 'snapshots.log');
  }

  /** True if the file holds too much that is superfluous, or cannot be appended to: it should be replaced. */
  get stale(): boolean {
    return this.#known === undefined || this.#known.length > this.#limit;
  }

  has(hash: string): boolean {
    return this.#places.has(hash);
  }

  /** Reads the last snapshot that the file has completely; undefined if there is no file. Rejects if it cannot be read. */
  async load(): Promise<{ snapshot: SavedSnapshot | undefined; damage: string | undefined } | undefined> {
    const file = await open(this.path, 'r').catch(unlessMissing);
    if (file === undefined) return undefined;
    try {
      const places = new Map<string, Place>();
      const replay = new SnapshotReplay();
      let end = 0;
      for await (const line of linesOf(file)) {
        const text = textOfLine(line);
        const hash = text && hashIn(text);
        if (end === 0 && text !== heading) return { snapshot: undefined, damage: 'it does not begin like a log of this version' };
        if (hash !== undefined) places.set(hash, { offset: end, length: line.length, checked: false });
        else if (end > 0) replay.add(text);
        end += line.length + 1;
      }
      const { snapshot, damage = end === 0 ? 'it is empty' : undefined } = replay;
      this.#places = places;
      const { size, ino } = await file.stat();
      this.#known = size === end && damage === undefined && !replay.open ? { inode: ino, length: size } : undefined;
      this.#limit = limitAfter(snapshot === undefined ? 0 : neededOf(snapshot, places));
      return { snapshot, damage };
    } finally {
      await file.close();
    }
  }

  /** Reads contents; undefined if they cannot be read, or if another version wrote them and this one does not understand them. */
  *read(hash: string): Pieces<Project | undefined> {
    const checked = this.#places.get(hash)?.checked === true;
    const line = yield* this.#line(hash);
    if (line === undefined) return undefined;
    const contents = yield* contentsIn(line.text);
    return checked ? (contents as Project) : (yield* projectInPieces(contents)).data;
  }

  /**
   * Appends a change, and syncs.
   *
   * @returns false if the file is not as this object left it, so that it must be replaced
   */
  async append(snapshot: SavedSnapshot, { from, contents, names }: LogChange): Promise<boolean> {
    const known = this.#known;
    if (known === undefined) return false;
    // Taken now: the snapshot may change while this is written.
    const changes = [...names].map((name) => snapshot.projects.get(name) ?? name);
    const { id, environment } = snapshot;
    const end = commitLine({ ...id, environment, ...settingsOf(snapshot), from, changes: names.size });
    const file = await open(this.path, 'r+').catch(unlessMissing);
    if (file === undefined) return false;
    const lines = new SnapshotLines(known.length);
    try {
      const { size, ino } = await file.stat();
      if (size !== known.length || ino !== known.inode) return false;
      await written(file, lines, linesOfChange(lines, contents, changes));
      lines.add(end);
      await lines.write(file);
      await file.datasync();
    } catch (error) {
      await file.truncate(known.length).catch(() => {});
      throw error;
    } finally {
      await file.close();
    }
    known.length = lines.length;
    for (const [hash, place] of lines.places) this.#places.set(hash, place);
    return true;
  }

  /** Writes the whole snapshot in the place of what the file holds. @param contents those that the file may not have */
  async replace(snapshot: SavedSnapshot, contents: ReadonlyMap<string, Project>): Promise<void> {
    // The snapshot may change while this is written; then the next change is appended.
    const { id, environment } = snapshot;
    const settings = settingsOf(snapshot);
    const projects = [...snapshot.projects.values()];
    const lines = new SnapshotLines(0);
    lines.add(checkedLine(heading));
    const write = async (file: FileHandle) => {
      await written(file, lines, this.#linesOf(lines, projects, contents));
      lines.add(commitLine({ ...id, environment, ...settings, changes: projects.length }));
      await lines.write(file);
    };
    // If this fails, it is tried again when the file has grown as much again.
    this.#limit = limitAfter(this.#known?.length ?? 0);
    await replaceFile(this.path, write, (inode) => {
      this.#places = lines.places;
      this.#limit = limitAfter(lines.length);
      this.#known = { inode, length: lines.length };
    });
  }

  async remove(): Promise<void> {
    this.#known = undefined;
    this.#places = new Map();
    await rm(this.path, { force: true });
  }

  /** Adds each project after the contents that it needs, each of which is added once. */
  *#linesOf(lines: SnapshotLines, projects: readonly SavedProject[], contents: ReadonlyMap<string, Project>): Pieces<void> {
    for (const project of projects) {
      for (const hash of hashesOf(project)) {
        if (lines.places.has(hash)) continue;
        const given = contents.get(hash);
        const checked = given !== undefined || this.#places.get(hash)?.checked === true;
        const line = given === undefined ? (yield* this.#line(hash))?.octets : yield* contentsLine(hash, given);
        if (line !== undefined) lines.addContents(hash, line, checked);
        yield;
      }
      lines.add(putLine(project));
      yield;
    }
  }

  /** Reads the line with contents; undefined if it is missing, damaged or unreadable. */
  *#line(hash: string): Pieces<{ readonly text: string; readonly octets: readonly Buffer[] } | undefined> {
    const place = this.#places.get(hash);
    const octets = place && octetsAt(this.path, place);
    const text = octets && (yield* textOfLineInPieces(octets));
    return octets !== undefined && text !== undefined && hashIn(text) === hash ? { text, octets: [octets, lineEnd] } : undefined;
  }
}

const lineEnd = Buffer.from('\n');

/** Undefined if the file cannot be read. */
function octetsAt(path: string, { offset, length }: Place): Buffer | undefined {
  try {
    const file = openSync(path, 'r');
    try {
      const octets = Buffer.allocUnsafe(length);
      return octets.subarray(0, readSync(file, octets, 0, length, offset));
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

/** Adds contents, and then each project that was put or, by its name, removed. */
function* linesOfChange(
  lines: SnapshotLines,
  contents: ReadonlyMap<string, Project>,
  changes: readonly (SavedProject | string)[],
): Pieces<void> {
  for (const [hash, project] of contents) {
    lines.addContents(hash, yield* contentsLine(hash, project), true);
    yield;
  }
  for (const change of changes) {
    lines.add(typeof change === 'string' ? removedLine(change) : putLine(change));
    yield;
  }
}

/** Makes lines in turns of the event loop, and writes those that are ready whenever they are many. */
async function written(file: FileHandle, lines: SnapshotLines, making: Pieces<void>): Promise<void> {
  for (let done = false; !done; ) {
    done = await inTurns(untilMany(lines, making));
    if (!done) await lines.write(file);
  }
}

/** Returns true when all lines are made. */
function* untilMany(lines: SnapshotLines, making: Pieces<void>): Pieces<boolean> {
  while (!lines.many) {
    if (making.next().done) return true;
    yield;
  }
  return false;
}

/** A file that holds nothing superfluous and has this length may grow to twice that, or a little more if it is small. */
function limitAfter(length: number): number {
  return 2 * length + leastGrowth;
}

/** Octets that the file needs for a snapshot. */
function neededOf({ projects }: SavedSnapshot, places: ReadonlyMap<string, Place>): number {
  const hashes = new Set([...projects.values()].flatMap(hashesOf));
  let octets = 0;
  for (const hash of hashes) octets += places.get(hash)?.length ?? 0;
  for (const project of projects.values()) octets += putLine(project).length;
  return octets;
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
