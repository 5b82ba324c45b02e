import { isDeepStrictEqual } from 'node:util';
import type { ProberTools } from '../health/prober.ts';
import type { Timer } from '../model/clock.ts';
import type { Environment } from '../model/environment.ts';
import type { CheckCounts, RegistrySync } from '../model/live.ts';
import { acceptsTraffic } from '../model/server.ts';
import { type Checked, Checks, type Diagnosis } from './checks.ts';
import { Ejections } from './ejections.ts';
import { type MemberRecord, RegistryView, type RegistryViewTools } from './registry-view.ts';
import { type FailureReport, healthOf, type TableEnvironment, type TableReader, type TableServer } from './table.ts';

/** Milliseconds in which several changes become one: a thousand servers that come up together are not a thousand tables. */
const coalesceMs = 5;

/** Milliseconds for which a start waits at most until the servers that are there already were checked. */
const firstChecksMs = 1000;

const unchecked = { results: {}, flips: { up: 0, down: 0 } };

/** What a director works with. */
export interface DirectorTools extends RegistryViewTools, ProberTools {
  /**
   * Environments of the balancer's own configuration: of several that claim one listener or host these come first, also after a
   * restart, so that one made later takes no traffic from them. Default none.
   */
  readonly own?: readonly string[];
}

/**
 * The control side of a balancer: who is a member (registry and configuration) and who is well (checks, ejections) make the table,
 * and the reader is told of each environment whose part of it changed.
 */
export class Director {
  readonly #tools: DirectorTools;
  readonly #reader: TableReader;
  readonly #membership: RegistryView;
  readonly #checks: Checks;
  readonly #ejections: Ejections;
  readonly #told = new Map<string, TableEnvironment>();
  #publishing: Timer | undefined;
  #checkedOnce: () => void = () => {};

  constructor(tools: DirectorTools, reader: TableReader) {
    this.#tools = tools;
    this.#reader = reader;
    this.#membership = new RegistryView(tools, () => this.#membersChanged());
    this.#checks = new Checks(tools, () => this.#publishSoon());
    this.#ejections = new Ejections(tools, () => this.#publishSoon());
  }

  /** Whether the registry was read at least once. */
  get known(): boolean {
    return this.#membership.known;
  }

  /** Settles once the registry was read, the servers that are in it were checked, and the reader knows every environment. */
  async start(): Promise<void> {
    await this.#membership.start();
    await this.#firstChecks();
    this.#publishing?.cancel();
    this.#publish();
  }

  /** Whoever takes requests before it knows who is well has to turn them away. */
  async #firstChecks(): Promise<void> {
    if (this.#checks.complete) return;
    await new Promise<void>((settle) => {
      // Not by the clock, whose timers do not keep a process alive that is only starting.
      const late = setTimeout(settle, firstChecksMs);
      this.#checkedOnce = () => {
        clearTimeout(late);
        settle();
      };
    });
  }

  stop(): void {
    this.#membership.stop();
    this.#checks.stop();
    this.#ejections.follow([]);
    this.#publishing?.cancel();
    this.#checkedOnce();
  }

  /** Exchanges speak against a server: it is checked now. */
  suspect(environment: string, id: string): void {
    this.#checks.suspect(environment, id);
  }

  /** Exchanges ask for a server to be ejected: for everybody, or not at all. */
  report(report: FailureReport): void {
    const table = this.#told.get(report.environment);
    if (table !== undefined) this.#ejections.report(report, table);
  }

  /** How checks and ejections of a server went so far. */
  judged(environment: string, id: string): CheckCounts {
    const { results, flips } = this.#checks.counts(environment, id) ?? unchecked;
    return { results, flips, ejections: this.#ejections.counts(environment, id) };
  }

  get sync(): RegistrySync {
    return this.#membership.sync;
  }

  #membersChanged(): void {
    const all: (Candidate & { environment: string })[] = [];
    const checked: Checked[] = [];
    for (const environment of this.#membership.environments.values()) {
      const { health } = environment.spec;
      for (const candidate of this.#candidates(environment)) {
        const member = { environment: environment.name, ...candidate };
        all.push(member);
        if (health !== 'off' && candidate.willing) checked.push({ ...member, spec: health });
      }
    }
    this.#checks.follow(checked);
    this.#ejections.follow(all);
    this.#publishSoon();
  }

  #publishSoon(): void {
    if (this.#checks.complete) this.#checkedOnce();
    this.#publishing ??= this.#tools.clock.after(coalesceMs, () => this.#publish());
  }

  #publish(): void {
    this.#publishing = undefined;
    for (const name of [...this.#told.keys()]) {
      if (this.#membership.environments.has(name)) continue;
      this.#told.delete(name);
      this.#reader.remove(name);
    }
    for (const environment of this.#ownFirst()) {
      const entry = this.#entry(environment);
      if (isDeepStrictEqual(entry, this.#told.get(environment.name))) continue;
      this.#told.set(environment.name, entry);
      this.#reader.apply(entry);
    }
  }

  #ownFirst(): Environment[] {
    const { own = [] } = this.#tools;
    const environments = [...this.#membership.environments.values()];
    return [...environments.filter(({ name }) => own.includes(name)), ...environments.filter(({ name }) => !own.includes(name))];
  }

  #entry(environment: Environment): TableEnvironment {
    const { name, spec } = environment;
    const trusted: Diagnosis = { health: 'up', admitted: true };
    const told = new Map(this.#told.get(name)?.servers.map((server) => [server.id, server]));
    const servers = this.#candidates(environment).map(({ id, instance, address, weight, willing }): TableServer => {
      const { health, admitted, reason: downFor } = spec.health === 'off' ? trusted : this.#checks.diagnosis(name, id);
      const ejectedFor = this.#ejections.reason({ environment: name, id, instance, address });
      const reason = downFor ?? ejectedFor;
      const server = { id, instance, address, weight, serving: willing && admitted, health, ejected: ejectedFor !== undefined };
      return { ...server, ...(reason !== undefined && { reason }), ...this.#wellSince(server, told.get(id)) };
    });
    return { name, spec, servers };
  }

  #wellSince(server: TableServer, before: TableServer | undefined): Pick<TableServer, 'wellSince'> {
    if (!server.serving || healthOf(server) !== 'up') return {};
    const wellSince = before?.instance === server.instance ? before.wellSince : undefined;
    return { wellSince: wellSince ?? this.#tools.clock.date() };
  }

  /** The environment's servers, static and registered ones, by id; who registered under a static one's id takes its place. */
  #candidates({ name, spec }: Environment): Candidate[] {
    const byId = new Map<string, Candidate>();
    const members = [...this.#membership.members.values()].filter(({ record }) => record.environment === name);
    // Who has nothing to serve yet would turn away what the others answer.
    const deployed = members.some(({ record, lost }) => !lost && (record.running?.version ?? 0) > 0);
    for (const { id, address, weight } of spec.servers) byId.set(id, { id, instance: '', address, weight, willing: true });
    for (const member of members) {
      const { id, instance, address, weight, running } = member.record;
      const empty = deployed && running?.version === 0;
      byId.set(id, { id, instance, address, weight, willing: willing(member) && !empty });
    }
    return [...byId.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
  }
}

interface Candidate {
  readonly id: string;
  readonly instance: string;
  readonly address: string;
  readonly weight: number;
  readonly willing: boolean;
}

/** Whether the server wants new requests. One that registered by plain HTTP acknowledges nothing: its checks must do. */
function willing({ record, lost }: MemberRecord): boolean {
  return !lost && acceptsTraffic(record) && (record.running !== undefined || record.source === 'http');
}
