import type { Logger } from 'pino';
import * as z from 'zod';
import { systemClock } from '../model/clock.ts';
import { CoalescedTask } from '../model/coalesced-task.ts';
import { atOnce, inTurns, type Pieces } from '../model/pieces.ts';
import type { Project } from '../model/project.ts';
import { type DeployedProject, type Snapshot, settingsOf, unservable } from '../model/snapshot.ts';
import { idOf, type SnapshotId, sameSnapshot } from '../model/snapshot-id.ts';
import { type SnapshotUpdate, wholeUpdate } from '../model/snapshot-update.ts';
import { EarlierSnapshotFile } from './earlier-snapshot-file.ts';
import { incomplete, type SavedChange, type SavedProject, savedChange, withoutContents } from './saved-project.ts';
import { hashesOf, type SavedSnapshot } from './saved-snapshot.ts';
import { type ReadContents, SnapshotLog } from './snapshot-log.ts';

/** Number of projects that a log line names at most. */
const mostNamed = 100;

/**
 * The last good snapshot on disk, so that a gateway can start while the registry is unreachable, and the contents of revisions, which are then
 * neither sent again nor kept in memory. They contain secrets of projects and are readable by their owner only. A fault of the disk is logged
 * and never keeps the gateway from serving: what could not be written stays in memory until it can.
 */
export class SnapshotStore {
  readonly #logger: Logger;
  readonly #log: SnapshotLog;
  readonly #earlier: EarlierSnapshotFile;
  /** The snapshot to have on disk; undefined: none. */
  #wanted: SavedSnapshot | undefined;
  /** Identity of the snapshot on disk; undefined: not known, so that everything must be written. */
  #written: SnapshotId | undefined;
  /** True if there is nothing on disk. */
  #removed = false;
  /** Projects of `#wanted` that differ from those on disk. */
  #dirty = new Set<string>();
  /** Contents that are not on disk yet. */
  readonly #contents = new Map<string, Project>();
  readonly #writes = new CoalescedTask({ clock: systemClock, run: () => this.#write() });

  /** @param dataDir folder of the file, created when the first snapshot is written */
  constructor(dataDir: string, logger: Logger) {
    this.#log = new SnapshotLog(dataDir);
    this.#earlier = new EarlierSnapshotFile(dataDir);
    this.#logger = logger;
  }

  get path(): string {
    return this.#log.path;
  }

  /** Loads the snapshot of an earlier start; undefined if there is none. Projects of which the contents are damaged are missing in it. */
  async load(): Promise<SnapshotUpdate | undefined> {
    const saved = await this.#loadLog();
    if (saved === undefined) return this.#loadEarlier();
    const { projects, missing } = await inTurns(this.#withContents(saved));
    const id = missing.length === 0 ? saved.id : incomplete(saved.id);
    this.#wanted = { ...saved, id, projects: new Map(projects.map((project) => [project.name, withoutContents(project)])) };
    if (missing.length === 0) this.#written = id;
    else
      this.#logger.warn(
        { file: this.path, projects: missing.slice(0, mostNamed) },
        'revisions on disk are missing or damaged: they are requested again',
      );
    const { environment } = saved;
    return { ...id, environment, ...settingsOf(saved), put: projects, removed: [] };
  }

  /** True if {@link read} can be expected to return these contents. */
  has(hash: string): boolean {
    return this.#contents.has(hash) || this.#log.has(hash);
  }

  /** Reads the contents of a revision by their hash; undefined if it does not have them, they are damaged, or this version does not understand them. */
  *readInPieces(hash: string): Pieces<Project | undefined> {
    return this.#contents.get(hash) ?? (yield* this.#log.read(hash));
  }

  /** Reads like {@link readInPieces}, at once. */
  read(hash: string): Project | undefined {
    return atOnce(this.readInPieces(hash));
  }

  /** Reads the snapshot that was saved last, with all contents that can be read. */
  *snapshotInPieces(): Pieces<Snapshot | undefined> {
    const wanted = this.#wanted;
    if (wanted === undefined) return undefined;
    const { projects } = yield* this.#withContents(wanted);
    projects.sort((one, other) => (one.name < other.name ? -1 : 1));
    return { ...wanted.id, environment: wanted.environment, ...settingsOf(wanted), projects };
  }

  /** Completes a change that was just saved by the contents of what it puts; undefined if some cannot be read. */
  *updateInPieces(change: SavedChange): Pieces<SnapshotUpdate | undefined> {
    const { from, environment, removed, contents } = change;
    const put: DeployedProject[] = [];
    for (const saved of change.put) {
      const { complete, deployed } = yield* withContents(saved, (hash) => this.#readAmong(contents, hash));
      if (!complete || deployed === undefined) return undefined;
      put.push(deployed);
      yield;
    }
    return { ...idOf(change), ...(from && { from }), environment, ...settingsOf(change), put, removed };
  }

  *#readAmong(contents: SavedChange['contents'], hash: string): Pieces<Project | undefined> {
    return contents.get(hash) ?? (yield* this.readInPieces(hash));
  }

  /** Reads like {@link snapshotInPieces}, at once. */
  snapshot(): Snapshot | undefined {
    return atOnce(this.snapshotInPieces());
  }

  /**
   * Saves a change of what the gateway runs. When several changes arrive during a write, they are written together by the next one. Resolves when
   * this one is on disk or could not be written.
   */
  save(change: SavedChange): Promise<void> {
    const { epoch, version, hash, from, environment, put, removed, contents } = change;
    if (from === undefined) this.#written = undefined;
    this.#removed = false;
    const projects = from === undefined ? new Map<string, SavedProject>() : (this.#wanted?.projects ?? new Map());
    for (const project of put) projects.set(project.name, project);
    for (const [key, project] of contents) if (!this.#log.has(key)) this.#contents.set(key, project);
    for (const name of removed) projects.delete(name);
    for (const name of [...put.map(({ name }) => name), ...removed]) this.#dirty.add(name);
    this.#wanted = { id: { epoch, version, hash }, environment, ...settingsOf(change), projects };
    return this.#writes.now();
  }

  /** Removes everything from disk, because the server is in no environment. */
  clear(): Promise<void> {
    this.#wanted = this.#written = undefined;
    this.#contents.clear();
    return this.#writes.now();
  }

  /** Resolves when no write is under way or waiting. */
  settled(): Promise<void> {
    return this.#writes.flush();
  }

  async #loadLog(): Promise<SavedSnapshot | undefined> {
    const file = this.path;
    try {
      const { snapshot, damage: reason } = (await this.#log.load()) ?? {};
      if (reason !== undefined && snapshot === undefined) this.#logger.warn({ file, reason }, ignored);
      else if (reason !== undefined)
        this.#logger.warn({ file, reason }, 'the last good snapshot is damaged: the one before the damage is used');
      return snapshot;
    } catch (error) {
      this.#logger.warn({ file, ...faultOf(error) }, ignored);
      return undefined;
    }
  }

  async #loadEarlier(): Promise<SnapshotUpdate | undefined> {
    try {
      const snapshot = await this.#earlier.read();
      if (snapshot === undefined) return undefined;
      const update = wholeUpdate(snapshot);
      void this.save(savedChange(update));
      return update;
    } catch (error) {
      this.#logger.warn({ file: this.#earlier.path, ...faultOf(error) }, ignored);
      return undefined;
    }
  }

  async #write(): Promise<void> {
    try {
      if (this.#wanted === undefined) await this.#removeFiles();
      else await this.#writeSnapshot();
    } catch (error) {
      this.#dropContentsNotNeeded();
      this.#logger.error({ file: this.path, err: error }, 'the last good snapshot cannot be written to disk; the gateway still serves it');
    }
  }

  async #removeFiles(): Promise<void> {
    if (this.#removed) return;
    await this.#log.remove();
    await this.#earlier.remove();
    this.#removed = this.#wanted === undefined;
  }

  async #writeSnapshot(): Promise<void> {
    if (!this.#log.stale && (await this.#append())) return;
    try {
      await this.#replace();
    } catch (error) {
      // Perhaps the disk has room for a change, though not for a second file.
      if (!(await this.#append())) throw error;
    }
    await this.#earlier.remove();
  }

  #append(): Promise<boolean> {
    const from = this.#written;
    return this.#attempt(async (wanted, names, contents) => {
      if (from === undefined) return false;
      if (names.size === 0 && sameSnapshot(from, wanted.id)) return true;
      return this.#log.append(wanted, { from, contents, names });
    });
  }

  #replace(): Promise<boolean> {
    return this.#attempt(async (wanted, _, contents) => {
      await this.#log.replace(wanted, contents);
      return true;
    });
  }

  /** Lets `work` write what is wanted at present. Unless it returns true, all of that remains to be written. */
  async #attempt(
    work: (wanted: SavedSnapshot, names: ReadonlySet<string>, contents: ReadonlyMap<string, Project>) => Promise<boolean>,
  ): Promise<boolean> {
    const wanted = this.#wanted;
    if (wanted === undefined) return true;
    const names = this.#dirty;
    const contents = new Map(this.#contents);
    this.#dirty = new Set();
    let done = false;
    try {
      done = await work(wanted, names, contents);
    } finally {
      if (!done) for (const name of names) this.#dirty.add(name);
    }
    if (!done) return false;
    // After another whole snapshot, what is on disk is no base for changes.
    if (this.#wanted?.projects === wanted.projects) this.#written = wanted.id;
    for (const hash of contents.keys()) if (this.#log.has(hash)) this.#contents.delete(hash);
    return true;
  }

  /** Keeps memory bounded while the disk is full, however often revisions are replaced. */
  #dropContentsNotNeeded(): void {
    if (this.#contents.size === 0) return;
    const needed = new Set([...(this.#wanted?.projects.values() ?? [])].flatMap(hashesOf));
    for (const hash of this.#contents.keys()) if (!needed.has(hash)) this.#contents.delete(hash);
  }

  /** Adds the contents to a snapshot. `missing` names the projects for which contents cannot be read. */
  *#withContents({ projects }: SavedSnapshot): Pieces<{ projects: DeployedProject[]; missing: string[] }> {
    const missing: string[] = [];
    const found: DeployedProject[] = [];
    for (const saved of [...projects.values()]) {
      const { complete, deployed } = yield* withContents(saved, (hash) => this.readInPieces(hash));
      if (!complete) missing.push(saved.name);
      if (deployed !== undefined) found.push(deployed);
      yield;
    }
    return { projects: found, missing };
  }
}

const ignored = 'the last good snapshot cannot be used, since it is damaged, unreadable or not written by Sluice';

function faultOf(error: unknown): { readonly reason: string } {
  return { reason: error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message };
}

/** The project as it was deployed; without a fallback that cannot be read, and undefined if its revision cannot be read. */
function* withContents(saved: SavedProject, read: ReadContents): Pieces<{ deployed: DeployedProject | undefined; complete: boolean }> {
  const { name, revision, hash, fault } = saved;
  const project = fault === undefined ? yield* read(hash) : unservable({ name, revision }, fault).project;
  const earlier = saved.fallback && (yield* read(saved.fallback.hash));
  const fallback = saved.fallback && earlier && { ...saved.fallback, project: earlier };
  const rest = { ...(fault !== undefined && { fault }), ...(fallback && { fallback }) };
  return {
    deployed: project && { name, revision, hash, project, ...rest },
    complete: project !== undefined && (saved.fallback === undefined || earlier !== undefined),
  };
}
