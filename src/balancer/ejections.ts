import type { Logger } from 'pino';
import { Ejection, mayEject } from '../health/ejection.ts';
import type { Clock, Timer } from '../model/clock.ts';
import type { FailureReport } from './feedback.ts';
import type { TableEnvironment } from './table.ts';

/** One server process at one address: a new instance, or another address, is not ejected for the failures of the previous one. */
type ReportedServer = Pick<FailureReport, 'environment' | 'id' | 'instance' | 'address'>;

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
  readonly #changed: () => void;
  readonly #records = new Map<string, EjectionRecord>();
  /** Ejections of each server by kind of the last failure, over all its instances. */
  readonly #counts = new Map<string, Record<string, number>>();

  /** @param changed called when a server was ejected or its ejection has ended */
  constructor(tools: { readonly clock: Clock; readonly logger: Logger }, changed: () => void) {
    this.#tools = tools;
    this.#changed = changed;
  }

  /** Forgets every server that is not in `servers`. */
  follow(servers: Iterable<ReportedServer>): void {
    if (this.#counts.size === 0 && this.#records.size === 0) return;
    const present = new Set<string>();
    const names = new Set<string>();
    for (const server of servers) {
      present.add(keyOf(server));
      names.add(nameOf(server));
    }
    for (const name of this.#counts.keys()) if (!names.has(name)) this.#counts.delete(name);
    for (const [key, { end }] of this.#records) {
      if (present.has(key)) continue;
      end?.cancel();
      this.#records.delete(key);
    }
  }

  /** Ejects the reported server if that instance is in rotation at that address, is not ejected already, and `maxEjectedPercent` allows one more. */
  report(report: FailureReport, { name, spec, servers }: TableEnvironment): void {
    const { clock, logger } = this.#tools;
    const { id, instance, address, failure, reason } = report;
    const serving = servers.filter((server) => server.serving);
    const isOut = (server: Omit<ReportedServer, 'environment'>) => this.reason({ ...server, environment: name }) !== undefined;
    const reported = serving.find((server) => server.id === id && server.instance === instance && server.address === address);
    if (reported === undefined || isOut(reported)) return;
    if (!mayEject(serving.filter(isOut).length, serving.length, spec.outlier.maxEjectedPercent)) return;
    const record = this.#records.get(keyOf(report)) ?? { ejection: new Ejection(), reason, end: undefined };
    this.#records.set(keyOf(report), record);
    const counts = this.#counts.get(nameOf(report)) ?? {};
    this.#counts.set(nameOf(report), counts);
    counts[failure] = (counts[failure] ?? 0) + 1;
    const lastsMs = record.ejection.eject(spec.outlier, clock.now());
    logger.warn({ environment: name, server: id, lastsMs, failure, reason }, 'server ejected: too many failures in a row');
    record.reason = `too many failures in a row, the last one: ${reason}`;
    // One millisecond more, because a timer may fire a fraction of a millisecond early.
    record.end = clock.after(lastsMs + 1, this.#changed);
    this.#changed();
  }

  /** Number of ejections of a server so far, by kind of the last failure. */
  counts(environment: string, id: string): Readonly<Record<string, number>> {
    return this.#counts.get(nameOf({ environment, id })) ?? {};
  }

  /** Why a server is ejected at present; undefined if it is not. */
  reason(server: ReportedServer): string | undefined {
    const record = this.#records.get(keyOf(server));
    return record?.ejection.ejected(this.#tools.clock.now()) ? record.reason : undefined;
  }
}

function nameOf({ environment, id }: Pick<ReportedServer, 'environment' | 'id'>): string {
  return `${environment} ${id}`;
}

/** Unambiguous, since neither names nor addresses contain a space. */
function keyOf({ environment, id, instance, address }: ReportedServer): string {
  return `${environment} ${id} ${instance} ${address}`;
}
