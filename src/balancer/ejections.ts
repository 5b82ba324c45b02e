import type { Logger } from 'pino';
import { Ejection, mayEject } from '../health/ejection.ts';
import type { Clock, Timer } from '../model/clock.ts';
import type { FailureReport } from './feedback.ts';
import type { TableEnvironment } from './table.ts';

/** One server process at one address: a new instance, or another address, is not ejected for the failures of the previous one. */
type ServerProcess = Pick<FailureReport, 'id' | 'instance' | 'address'>;

/** The ejections of an environment. */
interface EnvironmentEjections {
  readonly records: Map<string, EjectionRecord>;
  /** Ejections of each server by kind of the last failure, over all its instances. */
  readonly counts: Map<string, Record<string, number>>;
}

interface EjectionRecord {
  readonly ejection: Ejection;
  reason: string;
  /** Calls `changed` when the ejection ends. */
  end: Timer | undefined;
}

/**
 * Ejected servers (outlier detection), decided in one place for all worker processes: the first worker that counts
 * enough failures in a row gets a server ejected everywhere, and all workers together never eject more than `maxEjectedPercent`.
 */
export class Ejections {
  readonly #tools: { readonly clock: Clock; readonly logger: Logger };
  readonly #changed: (environment: string) => void;
  /** Environments in which a server was ejected. */
  readonly #environments = new Map<string, EnvironmentEjections>();

  /** @param changed called when a server of an environment was ejected or its ejection has ended */
  constructor(tools: { readonly clock: Clock; readonly logger: Logger }, changed: (environment: string) => void) {
    this.#tools = tools;
    this.#changed = changed;
  }

  /** Forgets every server of an environment that is not in `servers`. */
  follow(environment: string, servers: Iterable<ServerProcess>): void {
    const ejections = this.#environments.get(environment);
    if (ejections === undefined) return;
    const { records, counts } = ejections;
    const present = new Set<string>();
    const ids = new Set<string>();
    for (const server of servers) {
      present.add(keyOf(server));
      ids.add(server.id);
    }
    for (const id of counts.keys()) if (!ids.has(id)) counts.delete(id);
    for (const [key, { end }] of records) {
      if (present.has(key)) continue;
      end?.cancel();
      records.delete(key);
    }
    if (records.size + counts.size === 0) this.#environments.delete(environment);
  }

  stop(): void {
    for (const environment of [...this.#environments.keys()]) this.follow(environment, []);
  }

  /** Ejects the reported server if that instance is in rotation at that address, is not ejected already, and `maxEjectedPercent` allows one more. */
  report(report: FailureReport, { name, spec, servers }: TableEnvironment): void {
    const { clock, logger } = this.#tools;
    const { id, instance, address, failure, reason } = report;
    const serving = servers.filter((server) => server.serving);
    const isOut = (server: ServerProcess) => this.reason(name, server) !== undefined;
    const reported = serving.find((server) => server.id === id && server.instance === instance && server.address === address);
    if (reported === undefined || isOut(reported)) return;
    if (!mayEject(serving.filter(isOut).length, serving.length, spec.outlier.maxEjectedPercent)) return;
    const ejections = this.#environments.get(name) ?? { records: new Map(), counts: new Map() };
    this.#environments.set(name, ejections);
    const record = ejections.records.get(keyOf(report)) ?? { ejection: new Ejection(), reason, end: undefined };
    ejections.records.set(keyOf(report), record);
    const counts = ejections.counts.get(id) ?? {};
    ejections.counts.set(id, counts);
    counts[failure] = (counts[failure] ?? 0) + 1;
    const lastsMs = record.ejection.eject(spec.outlier, clock.now());
    logger.warn({ environment: name, server: id, lastsMs, failure, reason }, 'server ejected: too many failures in a row');
    record.reason = `too many failures in a row, the last one: ${reason}`;
    // One millisecond more, because a timer may fire a fraction of a millisecond early.
    record.end = clock.after(lastsMs + 1, () => this.#changed(name));
    this.#changed(name);
  }

  /** Number of ejections of a server so far, by kind of the last failure. */
  counts(environment: string, id: string): Readonly<Record<string, number>> {
    return this.#environments.get(environment)?.counts.get(id) ?? {};
  }

  /** Why a server is ejected at present; undefined if it is not. */
  reason(environment: string, server: ServerProcess): string | undefined {
    const record = this.#environments.get(environment)?.records.get(keyOf(server));
    return record?.ejection.ejected(this.#tools.clock.now()) ? record.reason : undefined;
  }
}

/** Unambiguous, since neither names nor addresses contain a space. */
function keyOf({ id, instance, address }: ServerProcess): string {
  return `${id} ${instance} ${address}`;
}
