import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import type { Clock } from '../../model/clock.ts';
import { SluiceError } from '../../model/fault.ts';
import type { Log } from '../../model/log.ts';
import type { Link, News, Watch } from '../contract.ts';
import { serverRecord } from '../documents.ts';
import { NewsListeners } from '../news-listeners.ts';
import type { Change, Key, Kind, Reading, Store, Stored } from '../store.ts';
import { DataFile } from './data-file.ts';
import { DocumentTable } from './document-table.ts';
import { FolderLock } from './folder-lock.ts';

interface Pending {
  readonly change: Change;
  readonly resolve: (done: boolean) => void;
  readonly reject: (error: SluiceError) => void;
}

/**
 * A {@link Store} in this process, durable in one file of a folder that no other process may use.
 *
 * What can be read is on the disk already; changes that arrive while one is written are written together.
 * Leases are not on the disk: after a restart each server has a whole `ttl` to show up again.
 */
export class FileStore implements Store {
  readonly link: Link;
  readonly #file: DataFile;
  readonly #lock: FolderLock;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #listeners = new NewsListeners();
  readonly #leases = new Map<string, number>();
  #table: DocumentTable;
  #queue: Pending[] = [];
  #writing: Promise<void> | undefined;
  #closed = false;

  private constructor(parts: { file: DataFile; lock: FolderLock; table: DocumentTable; clock: Clock; logger: Log }) {
    this.#file = parts.file;
    this.#lock = parts.lock;
    this.#table = parts.table;
    this.#clock = parts.clock;
    this.#log = parts.logger;
    this.link = { up: true, since: parts.clock.now() };
    for (const { name, text } of parts.table.all('server')) this.#extend(name, text);
  }

  /** Makes the folder if need be. `conflict` if another process uses it, `invalid` if its file is damaged. */
  static async open(folder: string, parts: { clock: Clock; logger: Log }): Promise<FileStore> {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const lock = await FolderLock.take(folder);
      try {
        const file = new DataFile(folder);
        const content = await file.read();
        const table = content ? DocumentTable.from(content) : new DocumentTable(randomUUID());
        if (!content) await file.write(table, table.rows());
        return new FileStore({ ...parts, file, lock, table });
      } catch (error) {
        await lock.release();
        throw error;
      }
    } catch (cause) {
      if (cause instanceof SluiceError) throw cause;
      throw new SluiceError('unavailable', `the registry's folder ${folder} cannot be used: ${(cause as Error).message}`, { cause });
    }
  }

  async read(keys: readonly Key[]): Promise<Reading> {
    const documents = keys.map((key) => this.#table.get(key)).filter((stored) => stored !== undefined);
    return this.#reading(documents);
  }

  async list(kind: Kind): Promise<Reading> {
    return this.#reading(this.#table.all(kind), this.#table.generation(kind));
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

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writing;
    await this.#lock.release();
  }

  /** Takes all that waits, tries it on a copy, and makes the copy the truth once it is on the disk. */
  async #write(): Promise<void> {
    // Lets changes of the same turn come together.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const group = this.#queue;
      this.#queue = [];
      const next = this.#table.copy();
      const outcomes = group.map((pending) => ({ ...pending, done: next.apply(pending.change) }));
      const durable = outcomes.some(({ done, change }) => done && !change.transient);
      try {
        if (durable) await this.#save(next);
      } catch (cause) {
        const error = new SluiceError(
          'unavailable',
          `${this.#file.path} cannot be written, nothing was changed: ${(cause as Error).message}`,
          { cause },
        );
        this.#log.error({ err: cause, file: this.#file.path }, 'the registry cannot be written');
        for (const { reject } of group) reject(error);
        continue;
      }
      this.#table = next;
      for (const { change, done, resolve } of outcomes) {
        if (done) this.#settle(change);
        resolve(done);
      }
    }
    this.#writing = undefined;
  }

  async #save(table: DocumentTable): Promise<void> {
    if (!(await this.#lock.held())) throw new Error('another process has taken the folder over');
    await this.#file.write(table, table.rows());
  }

  #settle({ remove = [], lease, news }: Change): void {
    for (const { kind, name } of remove) if (kind === 'server') this.#leases.delete(name);
    if (lease) this.#leases.set(lease.id, this.#clock.now() + lease.ttl);
    this.#listeners.tell(news);
  }

  #reading(documents: Stored[], generation = 0): Reading {
    const leased = documents.map((stored) =>
      stored.kind === 'server' ? { ...stored, leaseRemaining: this.#leaseRemaining(stored.name) } : stored,
    );
    return { epoch: this.#table.epoch, generation, documents: leased };
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
