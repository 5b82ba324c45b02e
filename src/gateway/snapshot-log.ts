import { closeSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checkedLine, textOfLine } from '../model/checked-line.ts';
import type { Project } from '../model/project.ts';
import { settingsOf } from '../model/snapshot.ts';
import type { SnapshotId } from '../model/snapshot-id.ts';
import { linesOf } from './lines-of.ts';
import { replaceFile } from './replace-file.ts';
import type { SavedProject } from './saved-project.ts';
import { hashesOf, type SavedSnapshot } from './saved-snapshot.ts';
import { type Place, SnapshotLines } from './snapshot-lines.ts';
import { commitLine, contentsIn, contentsLine, hashIn, heading, putLine, removedLine, uncheckedContentsIn } from './snapshot-records.ts';
import { SnapshotReplay } from './snapshot-replay.ts';

/** Octets by which the log may grow in any case before it is written anew. */
const leastGrowth = 1024 * 1024;
/** Octets that are written at once when the log is written anew. */
const chunkOctets = 256 * 1024;

/** Returns contents by hash; undefined: they cannot be read. */
export type ReadContents = (hash: string) => Project | undefined;

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
        if (hash !== undefined) places.set(hash, { offset: end, length: line.length });
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

  /** Opens the file, lets `work` read contents, and closes it. */
  reading<Result>(work: (read: ReadContents) => Result): Result {
    return this.#withLines((textOf) =>
      work((hash) => {
        const text = textOf(hash);
        return text === undefined ? undefined : contentsIn(text);
      }),
    );
  }

  /** Reads contents as some version wrote them; undefined: they cannot be read. */
  unchecked(hash: string): unknown {
    return this.#withLines((textOf) => {
      const text = textOf(hash);
      return text === undefined ? undefined : uncheckedContentsIn(text);
    });
  }

  /**
   * Appends a change, and syncs.
   *
   * @returns false if the file is not as this object left it, so that it must be replaced
   */
  async append(snapshot: SavedSnapshot, { from, contents, names }: LogChange): Promise<boolean> {
    const known = this.#known;
    if (known === undefined) return false;
    const lines = new SnapshotLines(known.length);
    for (const [hash, project] of contents) lines.addContents(hash, contentsLine(hash, project));
    for (const name of names) {
      const project = snapshot.projects.get(name);
      lines.add(project === undefined ? removedLine(name) : putLine(project));
    }
    const { id, environment } = snapshot;
    lines.add(commitLine({ ...id, environment, ...settingsOf(snapshot), from, changes: names.size }));
    const file = await open(this.path, 'r+').catch(unlessMissing);
    if (file === undefined) return false;
    try {
      const { size, ino } = await file.stat();
      if (size !== known.length || ino !== known.inode) return false;
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
      for (let next = 0; next < projects.length; ) {
        this.#withLines((textOf) => {
          while (next < projects.length && lines.pending < chunkOctets)
            addProject(lines, projects[next++] as SavedProject, contents, textOf);
        });
        await lines.write(file);
      }
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

  /** Opens the file and lets `work` read the lines with contents, by hash. A line that is missing, damaged or unreadable is undefined. */
  #withLines<Result>(work: (textOf: TextOf) => Result): Result {
    let file: number | undefined;
    const textAt = (place: Place) => {
      try {
        file ??= openSync(this.path, 'r');
        return textOfLine(octetsAt(file, place));
      } catch {
        return undefined;
      }
    };
    try {
      return work((hash) => {
        const place = this.#places.get(hash);
        const text = place && textAt(place);
        return text !== undefined && hashIn(text) === hash ? text : undefined;
      });
    } finally {
      if (file !== undefined) closeSync(file);
    }
  }
}

type TextOf = (hash: string) => string | undefined;

function octetsAt(file: number, { offset, length }: Place): Buffer {
  const octets = Buffer.allocUnsafe(length);
  return octets.subarray(0, readSync(file, octets, 0, length, offset));
}

/** Adds a project after the contents that it needs, each of which is added once. */
function addProject(lines: SnapshotLines, project: SavedProject, contents: ReadonlyMap<string, Project>, textOf: TextOf): void {
  for (const hash of hashesOf(project)) {
    if (lines.places.has(hash)) continue;
    const given = contents.get(hash);
    const text = given === undefined ? textOf(hash) : undefined;
    if (given !== undefined) lines.addContents(hash, contentsLine(hash, given));
    else if (text !== undefined) lines.addContents(hash, checkedLine(text));
  }
  lines.add(putLine(project));
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
