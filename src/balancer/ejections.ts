import type { Logger } from 'pino';
import { Ejection, mayEject } from '../health/ejection.ts';
import type { Clock, Timer } from '../model/clock.ts';
import type { FailureReport, TableEnvironment } from './table.ts';

/** One server process at one place: a new instance, or another address, is not blamed for what was there before. */
type ReportedServer = Pick<FailureReport, 'environment' | 'id' | 'instance' | 'address'>;

interface EjectionRecord {
  readonly ejection: Ejection;
  reason: string;
  /** When it ends. */
  end: Timer | undefined;
}

/**
 * Who is out because exchanges spoke against it, decided in one place for all who carry traffic: the first of them to see
 * enough failures in a row has a server ejected everywhere, and together they never eject more than is allowed.
 */
export class Ejections {
  readonly #tools: { readonly clock: Clock; readonly logger: Logger };
  readonly #changed: () => void;
  readonly #records = new Map<string, EjectionRecord>();
  /** Ejections so far by what the last failure was, of each server whatever process it was. */
  readonly #counts = new Map<string, Record<string, number>>();

  /** @param changed somebody was ejected, or may come back */
  constructor(tools: { readonly clock: Clock; readonly logger: Logger }, changed: () => void) {
    this.#tools = tools;
    this.#changed = changed;
  }

  /** Of those who are not among these, nothing is remembered. */
  follow(servers: Iterable<ReportedServer>): void {
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

  /** Ejects the reported if it is in rotation as it was reported, not out already, and not too many are. */
  report(report: FailureReport, { name, spec, servers }: TableEnvironment): void {
    const { clock, logger } = this.#tools;
    const { id, instance, address, failure, reason } = report;
    const serving = servers.filter((server) => server.serving);
    const out = (server: Omit<ReportedServer, 'environment'>) => this.reason({ ...server, environment: name }) !== undefined;
    const reported = serving.find((server) => server.id === id && server.instance === instance && server.address === address);
    if (reported === undefined || out(reported)) return;
    if (!mayEject(serving.filter(out).length, serving.length, spec.outlier.maxEjectedPercent)) return;
    const record = this.#records.get(keyOf(report)) ?? { ejection: new Ejection(), reason, end: undefined };
    this.#records.set(keyOf(report), record);
    const counts = this.#counts.get(nameOf(report)) ?? {};
    this.#counts.set(nameOf(report), counts);
    counts[failure] = (counts[failure] ?? 0) + 1;
    const lastsMs = record.ejection.eject(spec.outlier, clock.now());
    logger.warn({ environment: name, server: id, lastsMs, failure, reason }, 'server ejected: too many failures in a row');
    record.reason = `too many failures in a row, the last one: ${reason}`;
    // One millisecond more, because a timer may fire a fraction of one early.
    record.end = clock.after(lastsMs + 1, this.#changed);
    this.#changed();
  }

  /** How often a server was ejected so far, by what the last failure was. */
  counts(environment: string, id: string): Readonly<Record<string, number>> {
    return this.#counts.get(nameOf({ environment, id })) ?? {};
  }

  /** Why a server is out at present; undefined if it is not. */
  reason(server: ReportedServer): string | undefined {
    const record = this.#records.get(keyOf(server));
    return record?.ejection.ejected(this.#tools.clock.now()) ? record.reason : undefined;
  }
}

function nameOf({ environment, id }: Pick<ReportedServer, 'environment' | 'id'>): string {
  return `${environment} ${id}`;
}

/** Neither names nor addresses have a space in them. */
function keyOf({ environment, id, instance, address }: ReportedServer): string {
  return `${environment} ${id} ${instance} ${address}`;
}
