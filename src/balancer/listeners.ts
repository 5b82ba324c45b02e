import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { type Clock, jittered, type Random, type Timer } from '../model/clock.ts';
import type { SluiceError } from '../model/fault.ts';
import { cannotListen } from '../proxy/cannot-listen.ts';
import type { ListenerSettings } from '../proxy/contract.ts';
import type { OpenedListener, OpenListener } from './data-plane.ts';
import type { TableEnvironment } from './table.ts';

/** Milliseconds until opening a listener is retried. */
const retryMs = 2_000;

export interface ListenersTools {
  readonly open: OpenListener;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Grace period, in milliseconds, of exchanges in flight when a listener is closed. */
  readonly graceMs: number;
}

/** The listeners for clients: one for each address, shared by all environments that name the address. */
export class Listeners {
  readonly #tools: ListenersTools;
  readonly #entries = new Map<string, Entry>();
  readonly #closing = new Set<Promise<void>>();

  constructor(tools: ListenersTools) {
    this.#tools = tools;
  }

  /**
   * Opens missing listeners, closes those that no environment names any more, leaves the rest alone. Resolves with the failures to open;
   * these are logged and retried until they succeed or the address is no longer named.
   */
  async follow(environments: Iterable<TableEnvironment>): Promise<SluiceError[]> {
    const wanted = new Map<string, TableEnvironment[]>();
    for (const environment of environments) {
      const sharing = wanted.get(environment.spec.listen);
      if (sharing) sharing.push(environment);
      else wanted.set(environment.spec.listen, [environment]);
    }
    for (const [address, entry] of this.#entries) {
      if (wanted.has(address)) continue;
      this.#entries.delete(address);
      this.#retire(entry, this.#tools.graceMs);
    }
    const opening: Promise<SluiceError | undefined>[] = [];
    for (const [address, sharing] of wanted) {
      const names = sharing.map((environment) => environment.name);
      const entry = this.#entries.get(address);
      if (entry === undefined) {
        const fresh: Entry = { address, names, settings: settingsOf(sharing), retired: false };
        this.#entries.set(address, fresh);
        opening.push(this.#open(fresh));
      } else {
        entry.names = names;
        const settings = settingsOf(sharing);
        if (isDeepStrictEqual(entry.settings, settings)) continue;
        entry.settings = settings;
        entry.listener?.update(settings);
      }
    }
    return (await Promise.all(opening)).filter((failure) => failure !== undefined);
  }

  /** True while every listener is open. */
  get open(): boolean {
    return [...this.#entries.values()].every((entry) => entry.listener !== undefined);
  }

  /** The bound address that an environment's clients connect to; undefined while it is not open. */
  address(environment: string): string | undefined {
    for (const entry of this.#entries.values()) {
      if (entry.names.includes(environment)) return entry.listener?.address;
    }
    return undefined;
  }

  /** Closes all listeners; resolves when the last exchange has ended or was broken off after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    for (const entry of this.#entries.values()) this.#retire(entry, graceMs);
    this.#entries.clear();
    await Promise.all(this.#closing);
  }

  async #open(entry: Entry): Promise<SluiceError | undefined> {
    const { open, logger, clock, random } = this.#tools;
    try {
      const { settings } = entry;
      const listener = await open(entry.address, settings);
      entry.listener = listener;
      if (entry.settings !== settings) listener.update(entry.settings);
      if (entry.retired) this.#shut(listener, 0);
      else logger.info({ address: listener.address, environments: entry.names }, 'listening');
      return undefined;
    } catch (error) {
      const failure = cannotListen(entry.address, `environment ${entry.names.join(', ')}`, error);
      if (!entry.retired) {
        if (entry.loggedFailure !== failure.message) logger.error({ address: entry.address, environments: entry.names }, failure.message);
        entry.loggedFailure = failure.message;
        entry.retry = clock.after(jittered(retryMs, random), () => void this.#open(entry));
      }
      return failure;
    }
  }

  #retire(entry: Entry, graceMs: number): void {
    entry.retired = true;
    entry.retry?.cancel();
    if (entry.listener !== undefined) this.#shut(entry.listener, graceMs);
  }

  #shut(listener: OpenedListener, graceMs: number): void {
    const { logger } = this.#tools;
    const closing = listener
      .close(graceMs)
      .then(() => logger.info({ address: listener.address }, 'listener closed'))
      .catch((error: unknown) => logger.error({ err: error, address: listener.address }, 'listener did not close cleanly'))
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

interface Entry {
  readonly address: string;
  settings: ListenerSettings;
  /** Names of the environments that share the listener. */
  names: readonly string[];
  listener?: OpenedListener;
  retry?: Timer;
  /** The failure last logged, so that retries do not log it again. */
  loggedFailure?: string;
  /** No environment names the address any more. */
  retired: boolean;
}

/** Merges the settings of environments that share a listener: until Host is read a request belongs to none of them, so the largest limit applies. */
function settingsOf(sharing: readonly TableEnvironment[]): ListenerSettings {
  const specs = sharing.map((environment) => environment.spec);
  return {
    headerBytes: Math.max(...specs.map((spec) => spec.limits.headerBytes)),
    timeouts: {
      requestHead: longest(specs.map((spec) => spec.timeouts.requestHead)),
      clientIdle: longest(specs.map((spec) => spec.timeouts.clientIdle)),
    },
    trustedProxies: [...new Set(specs.flatMap((spec) => spec.trustedProxies))],
  };
}

/** The longest timeout; 0 means no limit. */
function longest(timeouts: readonly number[]): number {
  return timeouts.includes(0) ? 0 : Math.max(...timeouts);
}
