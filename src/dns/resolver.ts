import type { LookupAddress } from 'node:dns';
import { isIP, type Socket } from 'node:net';
import type { AddressGuard } from '../model/address-guard.ts';
import { type Clock, type Random, systemClock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import { isShortage } from '../model/shortage.ts';
import { NameLookup } from './name-lookup.ts';
import { ResolvedName } from './resolved-name.ts';
import { dnsServers } from './servers.ts';
import { SystemLookup } from './system-lookup.ts';

/** Most names that are remembered; beyond it those not watched are forgotten, longest unused first. */
const maxNames = 4096;
/** Milliseconds to connect if there is no limit, for all addresses together. */
const unlimitedMs = 6000;
/** Least milliseconds for an attempt at one of several addresses. */
const leastAttemptMs = 100;

/** Options for `net.connect`, `tls.connect` and `http.request`: where to connect to. */
export interface DialOptions {
  readonly host: string;
  readonly port: number;
  readonly lookup?: (
    host: string,
    options: { all?: boolean | undefined },
    done: (error: Error | null, address: LookupAddress[] | string, family?: number) => void,
  ) => void;
  readonly autoSelectFamily?: true;
  readonly autoSelectFamilyAttemptTimeout?: number;
}

/** The addresses of all names that this process connects to. An IP address as a host passes it by. */
export class Resolver {
  /** Where it logs; undefined: nowhere. */
  log: Log | undefined;
  readonly #tools: { readonly lookup: Pick<NameLookup, 'find'>; readonly clock: Clock; readonly random: Random };
  readonly #names = new Map<string, ResolvedName>();

  constructor(tools: { readonly lookup: Pick<NameLookup, 'find'>; readonly clock: Clock; readonly random: Random }) {
    this.#tools = tools;
  }

  /**
   * Options to connect to a host. Its addresses are tried one after the other: each connection begins with the next one, and goes on when
   * an address refuses, or is silent for its share of `limitMs`. @param limitMs for the connection as a whole, which the caller enforces;
   * 0: no limit
   * @param guard addresses that are left out; a host that has no others cannot be connected to
   */
  dial(host: string, port: number, limitMs: number, guard?: AddressGuard): DialOptions {
    if (isIP(host) !== 0) return refusing(host, port, guard);
    const name = this.#name(host);
    const attempts = Math.max(1, name.attempts(port) ?? 2);
    return {
      host,
      port,
      lookup: (_host, { all }, done) =>
        name.resolve(port, (error, found) => {
          const addresses = guard === undefined ? found : found.filter(({ address }) => guard.refusal(address) === undefined);
          const [first] = addresses;
          const [denied] = found;
          if (error === null && first === undefined && denied !== undefined) {
            done(new Error(guard?.refusal(denied.address)), []);
            return;
          }
          if (all || first === undefined) done(error, [...addresses]);
          else done(null, first.address, first.family);
        }),
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: Math.max(leastAttemptMs, Math.floor((limitMs || unlimitedMs) / attempts)),
    };
  }

  /** Notes which addresses of `host` a socket fails to reach, so that others are tried first for a while. */
  observe<Kind extends Socket>(socket: Kind, host: string): Kind {
    if (isIP(host) !== 0) return socket;
    const name = this.#name(host);
    socket.on('connectionAttemptFailed', (address: string, port: number, _family: number, error: NodeJS.ErrnoException) => {
      if (!isShortage(error)) name.failed(address, port, error.code !== 'ETIMEDOUT');
    });
    return socket.on('connectionAttemptTimeout', (address: string, port: number) => name.failed(address, port, false));
  }

  /** Keeps the addresses of `host` up to date, and calls `changed` with all of them whenever they have changed. Returns the end of it. */
  watch(host: string, changed: (present: ReadonlySet<string>) => void): () => void {
    return isIP(host) === 0 ? this.#name(host).watch(changed) : () => {};
  }

  #name(host: string): ResolvedName {
    const key = host.toLowerCase();
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    if (this.#names.size >= maxNames) this.#forget();
    const name = new ResolvedName(key, { ...this.#tools, log: () => this.log });
    this.#names.set(key, name);
    return name;
  }

  /** Forgets an eighth of the names that are not watched: those longest unused. */
  #forget(): void {
    const unwatched = [...this.#names].filter(([, name]) => !name.watched).sort(([, one], [, other]) => one.usedAt - other.usedAt);
    for (const [key] of unwatched.slice(0, Math.ceil(unwatched.length / 8))) this.#names.delete(key);
  }
}

/** Options for a host that is an IP address. A lookup that fails refuses it, because `net.connect` reports that like any other failure. */
function refusing(host: string, port: number, guard: AddressGuard | undefined): DialOptions {
  const refusal = guard?.refusal(host);
  if (refusal === undefined) return { host, port };
  return { host: 'denied.invalid', port, lookup: (_host, _options, done) => done(new Error(refusal), []) };
}

/** The process-wide instance. */
export const processResolver = new Resolver({
  lookup: new NameLookup({
    servers: () => dnsServers(process.env),
    hostsFile: '/etc/hosts',
    resolvConf: '/etc/resolv.conf',
    system: new SystemLookup(),
  }),
  clock: systemClock,
  random: Math.random,
});
