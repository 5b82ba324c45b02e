import type { Logger } from 'pino';
import type { Beside, BesideWorker } from '../../balancer/workers/beside.ts';
import type { Copies, CopySource } from '../../gateway/copies.ts';
import { SluiceError } from '../../model/fault.ts';
import type { LiveServer } from '../../model/live.ts';
import type { Registry, Watch } from '../../registry/contract.ts';
import { answerTo } from './calls.ts';
import type { FromCopies, RegistryCall, ToCopies } from './messages.ts';
import { ServerCopies } from './server-copies.ts';
import { WorkerChannel } from './worker-channel.ts';

/** A server of which copies are made. */
export interface CopiedServer {
  readonly id: string;
  readonly environment: string;
  readonly address: string;
  readonly dataDir: string;
}

/** Copies of the embedded servers in the worker processes: each worker has one of each server, and serves no request before that runs what is deployed. */
export class WorkerCopies implements Beside {
  readonly #registry: Registry;
  readonly #logger: Logger;
  readonly #live: (id: string) => readonly LiveServer[];
  readonly #workers = new Map<BesideWorker, WorkerChannel>();
  readonly #servers = new Map<string, ServerCopies>();
  #watch: Watch | undefined;

  /** @param parts.live returns what the workers have counted of a server */
  constructor(parts: { registry: Registry; logger: Logger; live: (id: string) => readonly LiveServer[] }) {
    this.#registry = parts.registry;
    this.#logger = parts.logger;
    this.#live = parts.live;
  }

  /** Makes copies of a server in all workers, those that start later included. */
  of(server: CopiedServer, source: CopySource): Copies {
    this.#watch ??= this.#follow();
    const { instance } = source;
    const parts = { order: { ...server, instance }, source, live: () => this.#live(server.id), logger: this.#logger };
    const copies = new ServerCopies(parts, () => this.#servers.delete(instance));
    this.#servers.set(instance, copies);
    for (const channel of this.#workers.values()) copies.beginIn(channel);
    return copies;
  }

  /** Ends the copies of a server's start; exchanges get `graceMs`. */
  async end(instance: string, graceMs: number): Promise<void> {
    await this.#servers.get(instance)?.end(graceMs);
  }

  began(worker: BesideWorker): void {
    const channel = new WorkerChannel(worker);
    this.#workers.set(worker, channel);
    for (const copies of this.#servers.values()) copies.beginIn(channel);
  }

  heard(worker: BesideWorker, given: unknown): void {
    const channel = this.#workers.get(worker);
    // Not validated: the message comes from the same program over a private channel.
    const message = given as FromCopies;
    if (channel === undefined) return;
    if (message.kind === 'call') void this.#answer(channel, message.call, message.asked);
    else if (message.kind === 'answer') channel.calls.answered(message);
    else this.#servers.get(message.instance)?.heard(channel, message);
  }

  ended(worker: BesideWorker): void {
    const channel = this.#workers.get(worker);
    this.#workers.delete(worker);
    if (channel === undefined) return;
    channel.calls.end('the worker has ended');
    for (const copies of this.#servers.values()) copies.endedIn(channel);
  }

  close(): void {
    this.#watch?.close();
  }

  async #answer(channel: WorkerChannel, call: number, asked: RegistryCall): Promise<void> {
    channel.tell({ kind: 'answer', ...(await answerTo(call, () => this.#ask(asked))) });
  }

  #ask(asked: RegistryCall): Promise<unknown> {
    const { limits, callers, link } = this.#registry;
    // A worker that starts would wait for consumers that it has on disk.
    if (!link.up && asked.method !== 'limits')
      return Promise.reject(new SluiceError('unavailable', link.reason ?? 'the registry cannot be reached'));
    switch (asked.method) {
      case 'limits':
        return limits?.ask(asked.holder, asked.asks) ?? Promise.reject(new Error('the registry shares no limits'));
      case 'callersId':
        return callers.id();
      case 'callerParts':
        return callers.parts(asked.wanted);
      default:
        return asked satisfies never;
    }
  }

  #follow(): Watch {
    const watch = this.#registry.watch((news) => {
      if (news.kind !== 'callers' && news.kind !== 'purge' && news.kind !== 'resync') return;
      const message: ToCopies = { kind: 'news', news };
      if (this.#servers.size > 0) for (const channel of this.#workers.values()) channel.tell(message);
    });
    // The registry subscribes again by itself, and then sends `resync`.
    watch.ready.catch(() => {});
    return watch;
  }
}
