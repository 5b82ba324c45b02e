import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../model/clock.ts';
import { SluiceError } from '../../model/fault.ts';
import type { Log } from '../../model/log.ts';
import type { LeasedServer, ServerRecord } from '../../model/server.ts';
import { sameSnapshot } from '../../model/snapshot-id.ts';
import type { JoinAnswer, JoinRequest, Renewal } from '../contract.ts';
import type { DocumentOf } from '../documents.ts';
import type { Key } from '../store.ts';
import type { CheckedReading, Entry, Ledger } from './ledger.ts';
import { noSuch, notAmong, valid } from './refusals.ts';
import { joinRequest, renewal, serverPatch } from './requests.ts';
import { assigned, joined, moved, reported } from './server-moves.ts';
import { type Snapshots, snapshotIdOf } from './snapshots.ts';

/** A server whose lease ended without a word is shown as lost for so long, then forgotten. */
const forgetLostAfterMs = 3_600_000;
const sweepEveryMs = 60_000;

/** The servers of a registry and their leases: the rules. */
export class Servers {
  readonly #ledger: Ledger;
  readonly #snapshots: Snapshots;
  readonly #clock: Clock;
  readonly #log: Log;
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(parts: { ledger: Ledger; snapshots: Snapshots; clock: Clock; logger: Log }) {
    this.#ledger = parts.ledger;
    this.#snapshots = parts.snapshots;
    this.#clock = parts.clock;
    this.#log = parts.logger;
  }

  async list(): Promise<LeasedServer[]> {
    const now = await this.#ledger.list('server');
    const servers = now.all('server');
    await this.#sweep(now, servers);
    return servers.filter((entry) => !isForgotten(entry)).map(({ value, leaseRemaining }) => ({ ...value, leaseRemaining }));
  }

  async get(id: string): Promise<LeasedServer | undefined> {
    const entry = (await this.#ledger.read({ kind: 'server', name: id })).get('server', id);
    const { value, leaseRemaining } = entry;
    return value && !isForgotten(entry) ? { ...value, leaseRemaining } : undefined;
  }

  async join(given: JoinRequest): Promise<JoinAnswer> {
    const request = valid('the join request', joinRequest, given);
    const { id, ttl } = request;
    return this.#ledger.transact(async () => {
      const now = await this.#ledger.read({ kind: 'server', name: id }, { kind: 'assignment', name: id });
      const entry = now.replaceable('server', id);
      const record = joined(request, entry.value, now.replaceable('assignment', id).value);
      const { epoch, place } = await this.#place(now.epoch, record.environment);
      if (record.environment !== undefined && record.environment === request.environment && place === undefined) {
        throw await noSuch(this.#ledger, 'environment', request.environment);
      }
      const next = place ? record : moved(record, undefined);
      const unchanged = isDeepStrictEqual(next, entry.value);
      if (entry.value && entry.value.instance !== next.instance && entry.leaseRemaining > 0) {
        this.#log.warn(
          { server: id, address: next.address, from: entry.value.address },
          'a new instance takes the id over from a live one',
        );
      }
      return {
        result: await this.#membership(epoch, next, ttl, place),
        change: {
          epoch,
          expect: place ? [entry, place] : [entry],
          put: unchanged ? [] : [{ kind: entry.kind, name: id, text: JSON.stringify(next) }],
          lease: { id, ttl },
          news: unchanged && entry.leaseRemaining > 0 ? [] : [{ kind: entry.kind, name: id }],
          transient: unchanged,
        },
      };
    });
  }

  async renew(given: Renewal): Promise<JoinAnswer> {
    const report = valid('the renewal', renewal, given);
    const { id, instance } = report;
    return this.#ledger.transact(async () => {
      const now = await this.#ledger.renew(id, instance);
      const entry = now?.get('server', id);
      if (!now || !entry?.value) throw new SluiceError('not-found', `no lease of this instance of server "${id}" is known: join again`);
      const { value: record } = entry;
      const completes = report.drained === true && record.movingTo !== undefined;
      const wanted = completes ? moved(record, record.movingTo ?? undefined) : reported(record, report);
      const { epoch, place } = await this.#place(now.epoch, wanted.environment, now);
      const next = place ? wanted : moved(wanted, undefined);
      const result = await this.#membership(epoch, next, record.ttl, place, completes ? undefined : report.holds);
      if (isDeepStrictEqual(next, record)) return { result };
      const change = {
        epoch,
        expect: completes && place ? [entry, place] : [entry],
        put: [{ kind: entry.kind, name: id, text: JSON.stringify(next) }],
        news: [{ kind: entry.kind, name: id, own: true as const }],
        // That it runs something outlives a restart: whoever stands in front of it then need not wait until it says so again.
        transient: next.environment === record.environment && record.running !== undefined,
      };
      return { result, change };
    });
  }

  async leave(id: string, instance: string): Promise<void> {
    await this.#ledger.transact(async () => {
      const now = await this.#ledger.read({ kind: 'server', name: id });
      const entry = now.get('server', id);
      if (entry.value?.instance !== instance) return { result: undefined };
      const change = { epoch: now.epoch, expect: [entry], remove: [entry], news: [{ kind: entry.kind, name: id }] };
      return { result: undefined, change };
    });
  }

  async assign(id: string, environment: string | undefined): Promise<LeasedServer> {
    return this.#amend(id, async (record, assignment, live, epoch) => {
      const { place } = await this.#place(epoch, environment);
      if (environment !== undefined && !place) throw await noSuch(this.#ledger, 'environment', environment);
      const { environment: _, ...rest } = assignment;
      return {
        record: assigned(record, environment, live),
        assignment: environment === undefined ? rest : { ...rest, environment },
        expect: place ? [place] : [],
      };
    });
  }

  async patch(id: string, given: { draining?: boolean; weight?: number }): Promise<LeasedServer> {
    const patch = valid('the change', serverPatch, given);
    return this.#amend(id, async (record, assignment) => ({
      record: { ...record, ...patch },
      assignment: patch.weight === undefined ? assignment : { ...assignment, weight: patch.weight },
      expect: [],
    }));
  }

  /** An operator's change of a server's record and of what is remembered when it is gone. */
  async #amend(
    id: string,
    amend: (record: ServerRecord, assignment: Assignment, live: boolean, epoch: string) => Promise<Amendment>,
  ): Promise<LeasedServer> {
    return this.#ledger.transact(async () => {
      const now = await this.#ledger.read({ kind: 'server', name: id }, { kind: 'assignment', name: id });
      const entry = now.get('server', id);
      const assignment = now.replaceable('assignment', id);
      if (!entry.value) throw await this.#noSuchServer(id);
      const { leaseRemaining, value: record } = entry;
      const next = await amend(record, assignment.value ?? {}, leaseRemaining > 0, now.epoch);
      const result = { ...next.record, leaseRemaining };
      if (isDeepStrictEqual(next.record, record) && isDeepStrictEqual(next.assignment, assignment.value ?? {})) return { result };

      const forgotten = Object.keys(next.assignment).length === 0;
      const put = [{ kind: entry.kind as Key['kind'], name: id, text: JSON.stringify(next.record) }];
      if (!forgotten) put.push({ kind: assignment.kind, name: id, text: JSON.stringify(next.assignment) });
      return {
        result,
        change: {
          epoch: now.epoch,
          expect: [entry, assignment, ...next.expect],
          put,
          remove: forgotten ? [assignment] : [],
          news: [{ kind: entry.kind, name: id }],
        },
      };
    });
  }

  /** The environment as it is now, if there is one; taken from `already` if that has it. */
  async #place(
    epoch: string,
    environment: string | undefined,
    already?: CheckedReading,
  ): Promise<{ epoch: string; place?: EnvironmentEntry }> {
    if (environment === undefined) return { epoch };
    const known = already?.get('environment', environment);
    if (isEnvironmentEntry(known)) return { epoch, place: known };
    const now = await this.#ledger.read({ kind: 'environment', name: environment });
    const entry = now.get('environment', environment);
    // With the older epoch the commit fails, and everything is read anew.
    return isEnvironmentEntry(entry) ? { epoch, place: entry } : { epoch };
  }

  async #membership(
    epoch: string,
    record: ServerRecord,
    ttl: number,
    place?: EnvironmentEntry,
    holds?: Renewal['holds'],
  ): Promise<JoinAnswer> {
    const server = { ...record, leaseRemaining: ttl };
    if (!place || sameSnapshot(holds, snapshotIdOf(epoch, place.value))) return { server };
    return { server, snapshot: await this.#snapshots.of(place.name, epoch, place.value) };
  }

  async #noSuchServer(id: string): Promise<SluiceError> {
    const existing = (await this.#ledger.list('server')).all('server').map(({ name }) => name);
    return notAmong(`there is no server "${id}"`, existing);
  }

  async #sweep(now: CheckedReading, servers: readonly Entry<'server'>[]): Promise<void> {
    if (this.#clock.now() - this.#sweptAt < sweepEveryMs) return;
    this.#sweptAt = this.#clock.now();
    const gone = servers.filter(isForgotten);
    if (gone.length === 0) return;
    const news = gone.map(({ kind, name }) => ({ kind, name }));
    try {
      // Should one of them come back at this very moment, its next renewal tells it to join again.
      await this.#ledger.store.commit({ epoch: now.epoch, expect: gone, remove: gone, news });
      this.#log.info({ servers: gone.map(({ name }) => name) }, 'servers lost for an hour are forgotten');
    } catch (error) {
      this.#log.warn({ err: error }, 'lost servers could not be removed; they will be, at a later reading');
    }
  }
}

type Assignment = DocumentOf<'assignment'>;
type EnvironmentEntry = Entry<'environment'> & { readonly value: DocumentOf<'environment'> };

interface Amendment {
  readonly record: ServerRecord;
  readonly assignment: Assignment;
  /** What else must still be as it was read. */
  readonly expect: readonly Entry<'environment'>[];
}

function isEnvironmentEntry(entry: Entry<'environment'> | undefined): entry is EnvironmentEntry {
  return entry?.value !== undefined;
}

/** Who had said that it was about to leave is not looked for. */
function isForgotten({ value, leaseRemaining }: Entry<'server'>): boolean {
  return leaseRemaining < (value?.leaving ? 0 : -forgetLostAfterMs);
}
