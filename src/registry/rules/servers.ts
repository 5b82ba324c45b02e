import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../model/clock.ts';
import { type ExpectedTags, serverTag } from '../../model/entity-tag.ts';
import { staticIds } from '../../model/environment.ts';
import { SluiceError } from '../../model/fault.ts';
import type { HopRequest } from '../../model/hop.ts';
import { type JoinAnswer, type JoinRequest, joinRequest, type Renewal, renewal } from '../../model/join.ts';
import type { Log } from '../../model/log.ts';
import { inTurns, mapInTurns } from '../../model/pieces.ts';
import { type LeasedServer, type ServerPatch, serverPatch } from '../../model/server.ts';
import { SharedReads } from '../../model/shared-reads.ts';
import { type SnapshotId, sameSnapshot } from '../../model/snapshot-id.ts';
import { type Caller, type Certification, type Certifier, keepLostMs } from '../contract.ts';
import type { DocumentOf, HeldRecord } from '../documents.ts';
import type { Key } from '../store.ts';
import { Census } from './census.ts';
import { holderOf, isHolder, mustBeFor, mustBeWithin, mustNotTakeOver, withoutHolder } from './holders.ts';
import type { CheckedReading, Entry, Ledger } from './ledger.ts';
import { mustSatisfy, noSuch, notAmong, valid } from './refusals.ts';
import { withoutPem } from './server-hops.ts';
import { afterAssignment, afterJoin, afterMove, afterReport } from './server-transitions.ts';
import { type Snapshots, snapshotIdOf } from './snapshots.ts';

const removeEveryMs = 60_000;

/** Rules for the servers of a registry and their leases. */
export class Servers implements Certification {
  readonly #ledger: Ledger;
  readonly #snapshots: Snapshots;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #census = new Census();
  readonly #lists = new SharedReads(() => this.#list());
  #certifier: Certifier | undefined;
  #removedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: { ledger: Ledger; snapshots: Snapshots; clock: Clock; logger: Log }) {
    this.#ledger = parts.ledger;
    this.#snapshots = parts.snapshots;
    this.#clock = parts.clock;
    this.#log = parts.logger;
  }

  /** Lists all servers. The list belongs to all who asked at about the same time. */
  list(): Promise<readonly LeasedServer[]> {
    return this.#lists.now();
  }

  async #list(): Promise<readonly LeasedServer[]> {
    const now = await this.#ledger.list('server');
    const servers = await now.allInTurns('server');
    await this.#removeExpired(now, servers);
    const kept = servers.filter((entry) => !isExpired(entry));
    await inTurns(this.#census.replace(kept.map(({ value }) => value)));
    return mapInTurns(kept, shown);
  }

  /** Lists the servers of an environment. */
  async listOf(environment: string): Promise<readonly LeasedServer[]> {
    const now = await this.#ledger.list('server');
    const servers = await now.allInTurns('server', (record) => record.environment === environment);
    return mapInTurns(
      servers.filter((entry) => !isExpired(entry)),
      shown,
    );
  }

  async get(id: string): Promise<LeasedServer | undefined> {
    const entry = (await this.#ledger.read({ kind: 'server', name: id })).get('server', id);
    const { value, leaseRemaining } = entry;
    if (!value || isExpired(entry)) this.#census.forget(id);
    else this.#census.note(value);
    return value && !isExpired(entry) ? shown({ value, leaseRemaining }) : undefined;
  }

  use(certifier: Certifier): void {
    this.#certifier = certifier;
  }

  async certify(id: string): Promise<void> {
    await this.#ledger.transact(async () => {
      const now = await this.#ledger.read({ kind: 'server', name: id });
      const entry = now.get('server', id);
      const next = entry.value && this.#certified(entry.value);
      if (next === undefined || next === entry.value) return { result: undefined };
      const put = [{ kind: entry.kind, name: id, text: JSON.stringify(next) }];
      return { result: undefined, change: { epoch: now.epoch, expect: [entry], put, news: [{ kind: entry.kind, name: id }] } };
    });
  }

  /** Record with a certificate for the server's key, if this process can issue one and that is due; else the same record. */
  #certified<R extends HeldRecord>(record: R): R {
    const { hop } = record;
    const certificate = hop && this.#certifier?.certify(record);
    return certificate ? { ...record, hop: { ...hop, certificate } } : record;
  }

  async join(given: JoinRequest, caller?: Caller): Promise<JoinAnswer> {
    const request = valid('the join request', joinRequest, given);
    const { id, ttl } = request;
    return this.#ledger.transact(async () => {
      const now = await this.#ledger.read({ kind: 'server', name: id }, { kind: 'assignment', name: id });
      const entry = now.replaceable('server', id);
      if (entry.value) mustNotTakeOver(entry.value, entry.leaseRemaining, request, caller);
      mustBeWithin(caller, entry.value?.environment);
      const record = afterJoin(request, entry.value, now.replaceable('assignment', id).value);
      mustBeWithin(caller, record.environment);
      const { epoch } = now;
      const environment = await this.#findEnvironment(record.environment);
      if (record.environment !== undefined && record.environment === request.environment && environment === undefined) {
        throw await this.#noSuchEnvironment(request.environment, caller);
      }
      // A server that runs already keeps its place: only a start with an id that is taken is refused.
      if (entry.value?.instance !== request.instance) await this.#mustNotBeStatic(id, environment?.name, caller);
      const holder = holderOf(request, caller);
      const next: HeldRecord = this.#certified({ ...(environment ? record : afterMove(record, undefined)), ...(holder && { holder }) });
      this.#census.mustHaveRoom(next, caller);
      const unchanged = isDeepStrictEqual(next, entry.value);
      if (entry.value && entry.value.instance !== next.instance && entry.leaseRemaining > 0) {
        this.#log.warn(
          { server: id, address: next.address, from: entry.value.address },
          'a new instance takes the id over from an instance whose lease has not ended',
        );
      }
      this.#census.note(next);
      return {
        result: await this.#answer(
          epoch,
          next,
          ttl,
          environment,
          request.holds?.environment === environment?.name ? request : { ...request, holds: undefined },
        ),
        change: {
          epoch,
          // Keys that a newer version stored about an earlier start of the server do not hold for this one.
          expect: [{ kind: entry.kind, name: id, revision: entry.revision }, ...(environment ? [environment] : [])],
          put: unchanged ? [] : [{ kind: entry.kind, name: id, text: JSON.stringify(next) }],
          lease: { id, ttl },
          news: unchanged && entry.leaseRemaining > 0 ? [] : [{ kind: entry.kind, name: id }],
          transient: unchanged,
        },
      };
    });
  }

  async renew(given: Renewal, caller?: Caller): Promise<JoinAnswer> {
    const report = valid('the renewal', renewal, given);
    const { id, instance } = report;
    if (caller !== undefined) await this.#mustHold(report, caller);
    return this.#ledger.transact(async () => {
      const now = await this.#ledger.renew(id, instance);
      const entry = now?.get('server', id);
      if (!now || !entry?.value) throw noLease(id);
      const { value: record } = entry;
      const completes = report.drained === true && record.movingTo !== undefined;
      const wanted = completes ? afterMove(record, record.movingTo ?? undefined) : afterReport(record, report);
      const { epoch } = now;
      const environment = await this.#findEnvironment(wanted.environment, now);
      const next = this.#certified(environment ? wanted : afterMove(wanted, undefined));
      const result = await this.#answer(epoch, next, record.ttl, environment, completes ? { ...report, holds: undefined } : report);
      if (isDeepStrictEqual(next, record)) return { result };
      const change = {
        epoch,
        expect: completes && environment ? [entry, environment] : [entry],
        put: [{ kind: entry.kind, name: id, text: JSON.stringify(next) }],
        news: [{ kind: entry.kind, name: id, own: true as const }],
        // The first report of a running snapshot is written to disk: after a restart of the registry, balancers still send the server requests.
        transient: next.environment === record.environment && record.running !== undefined,
      };
      return { result, change };
    });
  }

  async leave(id: string, instance: string, caller?: Caller): Promise<void> {
    await this.#ledger.transact(async () => {
      const now = await this.#ledger.read({ kind: 'server', name: id });
      const entry = now.get('server', id);
      if (entry.value?.instance !== instance) return { result: undefined };
      mustBeWithin(caller, entry.value.environment);
      if (caller !== undefined && !isHolder(entry.value, caller.secret, caller)) throw notTheHolder(id);
      this.#census.forget(id);
      const change = { epoch: now.epoch, expect: [entry], remove: [entry], news: [{ kind: entry.kind, name: id }] };
      return { result: undefined, change };
    });
  }

  async assign(id: string, environment: string | undefined, expect?: ExpectedTags): Promise<LeasedServer> {
    return this.#amend(id, expect, async (record, assignment, live) => {
      const found = await this.#findEnvironment(environment);
      if (environment !== undefined && !found) throw await noSuch(this.#ledger, 'environment', environment);
      await this.#mustNotBeStatic(id, environment);
      mustBeFor(record, environment);
      const { environment: _, ...rest } = assignment;
      return {
        record: afterAssignment(record, environment, live),
        assignment: environment === undefined ? rest : { ...rest, environment },
        expect: found ? [found] : [],
      };
    });
  }

  async patch(id: string, given: ServerPatch, expect?: ExpectedTags): Promise<LeasedServer> {
    const patch = valid('the change', serverPatch, given);
    return this.#amend(id, expect, async (record, assignment) => ({
      record: { ...record, ...patch },
      assignment: patch.weight === undefined ? assignment : { ...assignment, weight: patch.weight },
      expect: [],
    }));
  }

  /** Makes an operator's change to a server's record, and to the assignment that outlives the record. */
  async #amend(
    id: string,
    expect: ExpectedTags | undefined,
    amend: (record: HeldRecord, assignment: Assignment, live: boolean) => Promise<Amendment>,
  ): Promise<LeasedServer> {
    return this.#ledger.transact(async () => {
      const now = await this.#ledger.read({ kind: 'server', name: id }, { kind: 'assignment', name: id });
      const entry = now.get('server', id);
      const assignment = now.replaceable('assignment', id);
      if (!entry.value) throw await this.#noSuchServer(id);
      const { leaseRemaining, value: record } = entry;
      mustSatisfy(`server "${id}"`, expect, serverTag(record));
      const next = await amend(record, assignment.value ?? {}, leaseRemaining > 0);
      const result = { ...withoutPem(withoutHolder(next.record)), leaseRemaining };
      if (isDeepStrictEqual(next.record, record) && isDeepStrictEqual(next.assignment, assignment.value ?? {})) return { result };

      const unassigned = Object.keys(next.assignment).length === 0;
      const put = [{ kind: entry.kind as Key['kind'], name: id, text: JSON.stringify(next.record) }];
      if (!unassigned) put.push({ kind: assignment.kind, name: id, text: JSON.stringify(next.assignment) });
      return {
        result,
        change: {
          epoch: now.epoch,
          expect: [entry, assignment, ...next.expect],
          put,
          remove: unassigned ? [assignment] : [],
          news: [{ kind: entry.kind, name: id }],
        },
      };
    });
  }

  /**
   * Finds an environment's document; in `already`, if that holds it. If the data was replaced between two readings, the commit fails
   * because of the older epoch, and everything is read again.
   */
  async #findEnvironment(name: string | undefined, already?: CheckedReading): Promise<EnvironmentEntry | undefined> {
    if (name === undefined) return undefined;
    const known = already?.get('environment', name);
    if (isEnvironmentEntry(known)) return known;
    const entry = (await this.#ledger.read({ kind: 'environment', name })).get('environment', name);
    return isEnvironmentEntry(entry) ? entry : undefined;
  }

  async #answer(
    epoch: string,
    record: HeldRecord,
    ttl: number,
    environment: EnvironmentEntry | undefined,
    { holds, updates, hop }: Held,
  ): Promise<JoinAnswer> {
    const isKnown = hop?.serves?.certificate === record.hop?.certificate?.id;
    const shown = withoutHolder(record);
    const server = { ...(isKnown ? withoutPem(shown) : shown), leaseRemaining: ttl };
    if (!environment || sameSnapshot(holds, snapshotIdOf(epoch, environment.value))) return { server };
    const { name, value } = environment;
    if (updates) return { server, update: await this.#snapshots.manifest(name, epoch, value, holds) };
    return { server, snapshot: await this.#snapshots.of(name, epoch, value) };
  }

  /** Throws unless the program that renews through a balancer's door is the one that joined. */
  async #mustHold({ id, instance, secret, hop }: Renewal, caller: Caller): Promise<void> {
    const { value } = (await this.#ledger.read({ kind: 'server', name: id })).get('server', id);
    if (value?.instance !== instance) throw noLease(id);
    mustBeWithin(caller, value.environment);
    // A renewal through another door could report what the program never said: that it leaves, or what it runs.
    if ((value.source === 'http') !== (caller.plain === true)) throw noLease(id);
    // Without a secret a plain HTTP registration is renewed from anywhere: that changes nothing of it.
    const isFree = caller.plain === true && value.holder?.secret === undefined && hop === undefined;
    if (!isFree && !isHolder(value, secret ?? caller.secret, caller)) throw noLease(id);
  }

  /** Makes the refusal of an unknown environment; a caller is not told which ones exist. */
  async #noSuchEnvironment(name: string | undefined, caller: Caller | undefined): Promise<SluiceError> {
    if (caller === undefined) return noSuch(this.#ledger, 'environment', name ?? '');
    return new SluiceError('not-found', `there is no environment "${name}": check --environment, or create the environment first`);
  }

  /** Throws `conflict` if another environment lists a static server with this id. In the same one, the registered server replaces it. */
  async #mustNotBeStatic(id: string, environment: string | undefined, caller?: Caller): Promise<void> {
    const owner = (await this.#ledger.list('environment'))
      .all('environment')
      .find(({ name, value }) => name !== environment && staticIds(value.spec).has(id));
    if (owner === undefined) return;
    const where = caller === undefined ? `environment "${owner.name}"` : 'another environment';
    const message = `server "${id}" is a static server of ${where}: start this server with another id, or remove the static one`;
    throw new SluiceError('conflict', message);
  }

  async #noSuchServer(id: string): Promise<SluiceError> {
    const existing = (await this.#ledger.list('server')).all('server').map(({ name }) => name);
    return notAmong(`there is no server "${id}"`, existing);
  }

  async #removeExpired(now: CheckedReading, servers: readonly Entry<'server'>[]): Promise<void> {
    if (this.#clock.now() - this.#removedAt < removeEveryMs) return;
    this.#removedAt = this.#clock.now();
    const gone = servers.filter(isExpired);
    if (gone.length === 0) return;
    const news = gone.map(({ kind, name }) => ({ kind, name }));
    try {
      // A server that renews at this very moment joins again after its next renewal, which gets `not-found`.
      await this.#ledger.store.commit({ epoch: now.epoch, expect: gone, remove: gone, news });
      this.#log.info({ servers: gone.map(({ name }) => name) }, 'removed servers that were lost for an hour');
    } catch (error) {
      this.#log.warn({ err: error }, 'lost servers could not be removed; trying again at a later reading');
    }
  }
}

type Assignment = DocumentOf<'assignment'>;
type EnvironmentEntry = Entry<'environment'> & { readonly value: DocumentOf<'environment'> };

/** The snapshot that a server has, and the form in which it wants the next one. */
interface Held {
  readonly holds?: SnapshotId | undefined;
  readonly updates?: true | undefined;
  /** The certificate that it has. */
  readonly hop?: HopRequest | undefined;
}

interface Amendment {
  readonly record: HeldRecord;
  readonly assignment: Assignment;
  /** Documents that must not have changed since they were read. */
  readonly expect: readonly Entry<'environment'>[];
}

/** A server as readers of the registry see it. */
function shown({ value, leaseRemaining }: { readonly value: HeldRecord; readonly leaseRemaining: number }): LeasedServer {
  return { ...withoutPem(withoutHolder(value)), leaseRemaining };
}

function noLease(id: string): SluiceError {
  return new SluiceError('not-found', `this instance of server "${id}" has no lease: join again`);
}

function notTheHolder(id: string): SluiceError {
  const remedy = 'send its Lease-Secret, or the request from the machine that registered it, or the admin token';
  return new SluiceError('conflict', `server "${id}" was registered by another program: ${remedy}`);
}

function isEnvironmentEntry(entry: Entry<'environment'> | undefined): entry is EnvironmentEntry {
  return entry?.value !== undefined;
}

/** True if a record is to be removed: an hour after its lease ended, or at once if the server had announced that it leaves. */
function isExpired({ value, leaseRemaining }: Entry<'server'>): boolean {
  return leaseRemaining < (value?.leaving ? 0 : -keepLostMs);
}
