import type { Logger } from 'pino';
import { CallerHashes } from '../model/caller-hashes.ts';
import { isBucket, productsName, textHash } from '../model/caller-tree.ts';
import { type Clock, jittered, type Random } from '../model/clock.ts';
import { CoalescedTask } from '../model/coalesced-task.ts';
import { SluiceError } from '../model/fault.ts';
import { eachInTurns } from '../model/pieces.ts';
import { CallerFollower } from '../registry/caller-follower.ts';
import type { Registry, Watch } from '../registry/contract.ts';
import type { CallerDirectory } from './caller-directory.ts';
import type { CallerFiles } from './caller-files.ts';
import { withDeadline } from './with-deadline.ts';

/** Dependencies of a {@link CallerReader}. */
export interface CallerReaderParts {
  readonly registry: Pick<Registry, 'callers' | 'watch'>;
  /** Id of this server. */
  readonly id: string;
  readonly directory: CallerDirectory;
  readonly files: Pick<CallerFiles, 'load' | 'save' | 'settled'>;
  /** Milliseconds between two looks without news, which may be lost, about; also the limit of a call. */
  readonly everyMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Most milliseconds from news to the read. */
const newsDelayMs = 30;
/** Rest between two reads while changes never stop, such as during an import. A key that is revoked then is refused within the second. */
const restMs = 200;
/** Milliseconds for which balancers, which know all of them, may restore lost consumers before this server offers those that it knows. */
const patienceMs = 6000;
/** Failures in a row after which what is deployed is applied without the consumers as they are now. */
const mostFailures = 5;
const firstRetryMs = 200;
const maxRetryMs = 3000;
/** A balancer of an older version does not know callers. */
const olderRetryMs = 60_000;

/**
 * Keeps the directory of callers like the registry's: reads the nodes of the tree whose hashes differ from what is here, then the buckets. A part that
 * has changed again meanwhile is taken as it is: the next read finds what is missing. While the registry is away, the directory stays.
 */
export class CallerReader {
  readonly #parts: CallerReaderParts;
  readonly #follower: CallerFollower;
  readonly #reads: CoalescedTask;
  #watch: Watch | undefined;
  #failures = 0;
  #everRead = false;
  #loggedReason = '';
  /** Epoch of the registry that was followed last by this process. */
  #epoch: string | undefined;
  /** The registry had nothing at the last read: its epoch, since when, and whether what is known here was offered to it. */
  #lost: { readonly epoch: string; readonly at: number; offered: boolean } | undefined;
  #ended = false;
  /** Resolves after the first read, whether it succeeded or not. */
  readonly firstRead: Promise<void>;
  #resolveFirst: () => void = () => {};

  constructor(parts: CallerReaderParts) {
    this.#parts = parts;
    this.#follower = new CallerFollower({
      ask: (wanted) => this.#within(parts.registry.callers.parts(wanted)),
      take: (name, text) => {
        const taken = this.#take(name, text) !== undefined;
        if (taken) parts.files.save(name, text);
        return taken;
      },
      drop: (name) => this.#drop(name),
    });
    this.#reads = new CoalescedTask({ clock: parts.clock, run: () => this.#read(), rest: () => restMs });
    this.firstRead = new Promise((resolve) => {
      this.#resolveFirst = resolve;
    });
  }

  /** Puts what is on disk into the directory. */
  async load(): Promise<void> {
    const { files, directory } = this.#parts;
    const leaves = new CallerHashes();
    let found = false;
    await eachInTurns(await files.load(), ({ name, text }) => {
      const count = this.#take(name, text);
      if (count === undefined) return;
      leaves.put(name, [textHash(text), count]);
      found = true;
    });
    if (!found) return;
    for (const [name, hash] of leaves.all()) this.#follower.hashes.set(name, hash);
    directory.known = true;
  }

  /** Begins to follow the registry. Further calls do nothing. */
  start(): void {
    if (this.#watch !== undefined || this.#ended) return;
    const { registry, id, random } = this.#parts;
    this.#watch = registry.watch(
      ({ kind }) => {
        if (kind === 'callers' || kind === 'resync') this.#reads.soon(newsDelayMs * random());
      },
      { server: id },
    );
    this.#reads.soon();
  }

  /**
   * Resolves once the directory has what the registry had at the call: a project that is served before that may lack its product, and pass requests that
   * need a subscription. Rejects if it could not be read; after several failures in a row it resolves nevertheless, so that a fault of the consumers alone
   * does not keep deployments from this server for ever.
   */
  async upToDate(): Promise<void> {
    if (this.#everRead) await this.#reads.now();
    else await this.firstRead;
    if (this.#failures > 0 && this.#failures < mostFailures) throw new SluiceError('unavailable', this.#loggedReason);
  }

  stop(): void {
    this.#ended = true;
    this.#watch?.close();
    this.#reads.stop();
    this.#resolveFirst();
  }

  async #read(): Promise<void> {
    const { everyMs, random } = this.#parts;
    try {
      const complete = await this.#follow();
      this.#failures = 0;
      this.#loggedReason = '';
      this.#reads.soon(complete ? jittered(everyMs, random) : 0);
    } catch (error) {
      this.#noteFailure(error as Error);
    } finally {
      this.#everRead = true;
      this.#resolveFirst();
    }
  }

  /** Resolves to true if the directory is like the registry's, to false if that changed meanwhile. */
  async #follow(): Promise<boolean> {
    const { registry, directory } = this.#parts;
    const { epoch, hash } = await this.#within(registry.callers.id());
    if (hash === undefined) {
      // Nothing was ever made there, or the registry has lost its data: then what is known here may be all that is left.
      if (this.#follower.hashes.size > 0) await this.#keep(epoch);
      directory.known = true;
      return true;
    }
    this.#lost = undefined;
    const complete = await this.#follower.follow(hash);
    directory.known = true;
    this.#epoch = epoch;
    return complete;
  }

  /**
   * Keeps what is known here while the registry with this epoch has nothing, and offers it once to a registry that lost it since this process started,
   * if no balancer has restored it before that.
   */
  async #keep(epoch: string): Promise<void> {
    const { registry, files, clock, logger } = this.#parts;
    const lost = this.#lost?.epoch === epoch ? this.#lost : { epoch, at: clock.now(), offered: false };
    if (this.#lost === undefined) logger.warn('the registry has no consumers and no products any more: those known here stay in use');
    this.#lost = lost;
    if (this.#epoch === undefined || this.#epoch === epoch || lost.offered || clock.now() - lost.at < patienceMs) return;
    await files.settled();
    const restored = await registry.callers.restore?.({ epoch: this.#epoch, parts: await files.load() });
    lost.offered = true;
    if (restored) logger.warn('the registry had lost its consumers and products: those known here were written back');
  }

  /** Puts a part into the directory; returns its number of consumers, or undefined if this version does not understand it. */
  #take(name: string, text: string): number | undefined {
    const { directory, logger } = this.#parts;
    try {
      const count = isBucket(name) ? directory.putBucket(name, text) : 0;
      if (name === productsName) directory.putProducts(text);
      return count;
    } catch (error) {
      const reason = `part ${name} of the consumers is damaged or was written by a newer Sluice: ${(error as Error).message.slice(0, 200)}`;
      if (this.#loggedReason !== reason) logger.error({ reason }, 'consumers cannot be used as they are; those known before stay in use');
      this.#loggedReason = reason;
      return undefined;
    }
  }

  #drop(name: string): void {
    const { directory, files } = this.#parts;
    if (isBucket(name)) directory.dropBucket(name);
    else directory.putProducts('{"products":[]}');
    files.save(name, null);
  }

  #noteFailure(error: Error): void {
    const { logger, random } = this.#parts;
    if (this.#ended) return;
    const older = error instanceof SluiceError && error.code === 'invalid';
    const reason = older ? 'the balancer is of an older version, which does not know consumers: update it' : error.message;
    if (this.#loggedReason !== reason) logger.warn({ reason }, 'consumers cannot be read; retrying');
    this.#loggedReason = reason;
    const delayMs = older ? olderRetryMs : Math.min(maxRetryMs, firstRetryMs * 2 ** this.#failures++);
    this.#reads.postpone(jittered(delayMs, random, 0.5));
  }

  #within<Result>(call: Promise<Result>): Promise<Result> {
    return withDeadline(call, Math.max(this.#parts.everyMs, 3000), this.#parts.clock);
  }
}
