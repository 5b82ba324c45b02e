import { mkdir } from 'node:fs/promises';
import { MemoryLimitStore } from '../../limits/memory-limit-store.ts';
import type { Clock } from '../../model/clock.ts';
import { SluiceError } from '../../model/fault.ts';
import type { Log } from '../../model/log.ts';
import type { News } from '../../model/news.ts';
import { mapInTurns } from '../../model/pieces.ts';
import { serverRecord } from '../../model/server.ts';
import type { Link, Watch } from '../contract.ts';
import { NewsListeners } from '../news-listeners.ts';
import type { Change, Kind, Reading, Store, Stored, Wanted } from '../store.ts';
import { Writability, type WriteRefusal } from '../writability.ts';
import { type DocumentTable, TableDraft } from './document-table.ts';
import { FolderLock } from './folder-lock.ts';
import { QuotaFile } from './quota-file.ts';
import { RegistryFolder } from './registry-folder.ts';

/** Remedies for errors of the file system. */
const remedies: Readonly<Record<string, string>> = {
  ENOSPC: 'make room on the disk',
  EDQUOT: "raise the user's disk quota, or make room",
  EROFS: 'mount the file system writable again',
  EACCES: 'let the user of this process write to the folder',
  EPERM: 'let the user of this process write to the folder',
  EIO: 'the disk is failing: copy the folder and replace the disk',
};

interface Pending {
  readonly change: Change;
  readonly resolve: (done: boolean) => void;
  readonly reject: (error: SluiceError) => void;
}

/**
 * A {@link Store} in this process, durable in a folder that no other process may use.
 *
 * Readers see a change only once it is on disk. Changes that arrive during a write are written together by the next one.
 * Leases are not on disk: after a restart each server has a whole `ttl` to renew its lease.
 */
export class FileStore implements Store {
  readonly #up: Link;
  readonly #writability: Writability;
  readonly #disk: RegistryFolder;
  readonly #lock: FolderLock;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #listeners = new NewsListeners();
  readonly #leases = new Map<string, number>();
  readonly limits: MemoryLimitStore;
  readonly #quotas: QuotaFile;
  #queue: Pending[] = [];
  #writing: Promise<void> | undefined;
  #closed = false;

  private constructor(parts: { disk: RegistryFolder; quotas: QuotaFile; lock: FolderLock; clock: Clock; logger: Log }) {
    this.#disk = parts.disk;
    this.#lock = parts.lock;
    this.#clock = parts.clock;
    this.#log = parts.logger;
    this.#quotas = parts.quotas;
    this.limits = new MemoryLimitStore(parts.clock, parts.quotas);
    this.#up = { up: true, since: parts.clock.now() };
    this.#writability = new Writability(parts);
    for (const { name, text } of parts.disk.table.all('server')) this.#extend(name, text);
  }

  get link(): Link {
    return this.#writability.of(this.#up);
  }

  /** Creates the folder if it does not exist. Rejects with `conflict` if another process uses it, with `invalid` if its file is damaged. */
  static async open(folder: string, parts: { clock: Clock; logger: Log }): Promise<FileStore> {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const lock = await FolderLock.take(folder);
      try {
        const disk = await RegistryFolder.open(folder);
        const quotas = await QuotaFile.open(folder, parts.clock);
        return new FileStore({ ...parts, disk, quotas, lock });
      } catch (error) {
        await lock.release();
        throw error;
      }
    } catch (cause) {
      if (cause instanceof SluiceError) throw cause;
      throw new SluiceError('unavailable', `the registry's folder ${folder} cannot be used: ${(cause as Error).message}`, { cause });
    }
  }

  async read(wanted: readonly Wanted[]): Promise<Reading> {
    const known: Stored[] = [];
    const others: Stored[] = [];
    for (const one of wanted) {
      const stored = this.#table.get(one);
      if (stored === undefined) continue;
      if (stored.revision === one.known) known.push({ ...stored, text: '' });
      else others.push(stored);
    }
    return this.#reading([...known, ...(await this.#disk.withTexts(others))]);
  }

  async list(kind: Kind, prefix = ''): Promise<Reading> {
    const all = this.#table.all(kind);
    const wanted = prefix === '' ? all : all.filter(({ name }) => name.startsWith(prefix));
    const generation = this.#table.generation(kind);
    return this.#reading(await this.#disk.withTexts(wanted), generation);
  }

  commit(change: Change): Promise<boolean> {
    if (this.#closed) return Promise.reject(new SluiceError('unavailable', 'the registry is closed'));
    return new Promise((resolve, reject) => {
      this.#queue.push({ change, resolve, reject });
      this.#writing ??= this.#write();
    });
  }

  async renew(id: string, instance: string): Promise<Reading | undefined> {
    const server = this.#table.get({ kind: 'server', name: id });
    const record = server && parsed(server.text);
    if (!server || record?.instance !== instance) return undefined;
    const hadEnded = this.#leaseRemaining(id) <= 0;
    this.#extend(id, server.text);
    if (hadEnded) this.#listeners.tell([{ kind: 'server', name: id }]);
    const environment = record.environment === undefined ? undefined : this.#table.get({ kind: 'environment', name: record.environment });
    return this.#reading(environment ? [server, environment] : [server]);
  }

  watch(listener: (news: News) => void, server?: string): Watch {
    return { ready: Promise.resolve(), close: this.#listeners.add(listener, server) };
  }

  async probe(): Promise<void> {
    // A write under way shows by itself.
    if (this.#closed || this.#writing !== undefined) return;
    await this.#disk.probe().then(
      () => this.#writability.accepted(),
      (error: Error) => this.#writability.refused(this.#refusal(error)),
    );
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writing;
    if (await this.#lock.held()) await this.#quotas.close(this.limits.quotas());
    // Not needed, since the next start reads the journal: it leaves one file to back up.
    if (await this.#lock.held()) await this.#disk.compact().catch(() => {});
    await this.#lock.release();
  }

  /** Applies all queued changes to a draft, writes the draft to disk, and then changes the table by it. */
  async #write(): Promise<void> {
    // Changes that are requested in the same turn of the event loop are written together.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const group = this.#queue;
      this.#queue = [];
      const next = new TableDraft(this.#table);
      const outcomes = group.map((pending) => ({ ...pending, done: next.apply(pending.change) }));
      const durable = outcomes.some(({ done, change }) => done && !change.transient);
      try {
        if (durable) {
          await this.#save(next);
          this.#writability.accepted();
        }
      } catch (cause) {
        const error = new SluiceError(
          'unavailable',
          `${this.#disk.path} cannot be written, nothing was changed: ${(cause as Error).message}`,
          { cause },
        );
        this.#log.debug({ err: cause, file: this.#disk.path }, 'the registry cannot be written');
        this.#writability.refused(this.#refusal(cause as Error));
        for (const { reject } of group) reject(error);
        continue;
      }
      const gone = this.#disk.adopt(next);
      for (const { change, done, resolve } of outcomes) {
        if (done) this.#settle(change);
        resolve(done);
      }
      await gone;
    }
    this.#writing = undefined;
  }

  get #table(): DocumentTable {
    return this.#disk.table;
  }

  async #save(draft: TableDraft): Promise<void> {
    if (!(await this.#lock.held())) throw new Error('another process has taken over the folder');
    await this.#disk.save(draft);
  }

  #refusal({ message, code = '' }: NodeJS.ErrnoException): WriteRefusal {
    // The message of a system error also names the call and the file, which differ between a write and a probe.
    const reason = code === '' ? message : (message.split(',')[0] as string);
    return { reason: `${this.#disk.path} cannot be written: ${reason}`, remedy: remedies[code] ?? 'make its folder writable' };
  }

  #settle({ remove = [], lease, news }: Change): void {
    for (const { kind, name } of remove) if (kind === 'server') this.#leases.delete(name);
    if (lease) this.#leases.set(lease.id, this.#clock.now() + lease.ttl);
    this.#listeners.tell(news);
  }

  async #reading(documents: Stored[], generation = 0): Promise<Reading> {
    const { epoch } = this.#table;
    const leased = await mapInTurns(documents, (stored) =>
      stored.kind === 'server' ? { ...stored, leaseRemaining: this.#leaseRemaining(stored.name) } : stored,
    );
    return { epoch, generation, documents: leased };
  }

  #extend(id: string, text: string): void {
    this.#leases.set(id, this.#clock.now() + (parsed(text)?.ttl ?? 0));
  }

  #leaseRemaining(id: string): number {
    return (this.#leases.get(id) ?? 0) - this.#clock.now();
  }
}

function parsed(text: string) {
  return serverRecord.safeParse(JSON.parse(text)).data;
}
