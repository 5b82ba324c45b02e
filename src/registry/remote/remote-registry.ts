import { describeFault } from '../../config/refusal.ts';
import type { LimitStore } from '../../limits/limit-store.ts';
import type { Clock, Random } from '../../model/clock.ts';
import type { EnvironmentSpecInput } from '../../model/environment.ts';
import { SluiceError } from '../../model/fault.ts';
import type { JoinRequest, Renewal } from '../../model/join.ts';
import type { Log } from '../../model/log.ts';
import type { RevisionId } from '../../model/manifest.ts';
import { concerns, type News } from '../../model/news.ts';
import type { Project } from '../../model/project.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import type { SnapshotId } from '../../model/snapshot-id.ts';
import { CheckedProject } from '../../projects/checked-project.ts';
import type { Callers, Conditional, Link, Registry, Watch } from '../contract.ts';
import { checkedAnswer } from './checked-answer.ts';
import type { MethodName, ParamsOf, ResultOf } from './methods.ts';
import { RemoteLink } from './remote-link.ts';

interface Listening {
  readonly tell: (news: News) => void;
  readonly server: string | undefined;
  readonly settle: () => void;
}

/** A {@link Registry} behind a balancer's registration endpoint. The token decides which methods may be called. */
export class RemoteRegistry implements Registry {
  readonly #link: RemoteLink;
  readonly #log: Log;
  readonly #listening = new Set<Listening>();
  #everUp = false;

  /** @param parts.url URL of the balancer's control address, `http(s)://host:port`. Throws `invalid` for any other URL. */
  constructor(parts: { url: string; token?: string; ca?: string; clock: Clock; random: Random; logger: Log }) {
    this.#log = parts.logger;
    const url = endpointOf(parts.url);
    this.#link = new RemoteLink({ ...parts, url, onNews: (news) => this.#tell(news), onUp: () => this.#isUp() });
  }

  /** Resolves once the balancer was reached, or could not be reached. */
  get firstTry(): Promise<void> {
    return this.#link.firstTry;
  }

  /** Always empty: the balancer reads the documents, and tells of those that it cannot read. */
  readonly unread = [];

  readonly limits: LimitStore = { ask: (gateway, asks) => this.#call('limits', { gateway, asks: [...asks] }) };
  readonly callers: Callers = {
    id: (environment) => this.#call('callersId', environment === undefined ? {} : { environment }),
    parts: (wanted, environment) => this.#call('callerParts', { wanted: [...wanted], ...(environment !== undefined && { environment }) }),
  };

  get link(): Link {
    return this.#link.link;
  }

  reconnect(): void {
    this.#link.hurry();
  }

  environments() {
    return this.#call('environments', {});
  }

  environment(name: string) {
    return this.#call('environment', { name });
  }

  putEnvironment(name: string, spec: EnvironmentSpecInput, options?: Conditional) {
    return this.#call('putEnvironment', { name, spec, options: sent(options) });
  }

  applyEnvironment(name: string, file: EnvironmentSpecInput, { dryRun }: { dryRun?: boolean } = {}) {
    return this.#call('applyEnvironment', { name, file, ...(dryRun !== undefined && { dryRun }) });
  }

  async appliedSettings() {
    return new Map((await this.#call('appliedSettings', {})) as [string, EnvironmentSpecInput][]);
  }

  forgetApplied(name: string) {
    return this.#call('forgetApplied', { name });
  }

  deleteEnvironment(name: string, { force = false, ...options }: Conditional & { force?: boolean } = {}) {
    return this.#call('deleteEnvironment', { name, force, options: sent(options) });
  }

  projects() {
    return this.#call('projects', {});
  }

  project(name: string) {
    return this.#call('project', { name });
  }

  drainStatic(environment: string, id: string, draining: boolean) {
    return this.#call('drainStatic', { environment, id, draining });
  }

  pushProject(project: Project | CheckedProject, options?: Conditional) {
    const given = project instanceof CheckedProject ? project.parsed() : project;
    return this.#call('pushProject', { project: given, options: sent(options) });
  }

  deleteProject(name: string, { revision, ...options }: Conditional & { revision?: number } = {}) {
    return this.#call('deleteProject', { name, ...(revision !== undefined && { revision }), options: sent(options) });
  }

  revision(name: string, revision?: number) {
    return this.#call('revision', revision === undefined ? { name } : { name, revision });
  }

  deploy(environment: string, project: string, options: { revision?: number; expect?: number } = {}) {
    return this.#call('deploy', { environment, project, options });
  }

  undeploy(environment: string, project: string, options: { expect?: number } = {}) {
    return this.#call('undeploy', { environment, project, options });
  }

  rollback(environment: string, project: string, options: { expect?: number } = {}) {
    return this.#call('rollback', { environment, project, options });
  }

  snapshotId(environment: string) {
    return this.#call('snapshotId', { environment });
  }

  manifest(environment: string, since?: SnapshotId) {
    return this.#call('manifest', { environment, ...(since !== undefined && { since }) });
  }

  revisions(wanted: readonly RevisionId[], environment?: string) {
    return this.#call('revisions', { wanted: [...wanted], ...(environment !== undefined && { environment }) });
  }

  snapshot(environment: string) {
    return this.#call('snapshot', { environment });
  }

  restore(snapshot: Snapshot) {
    return this.#call('restore', { snapshot });
  }

  servers() {
    return this.#call('servers', {});
  }

  async serversOf(environment: string) {
    return (await this.servers()).filter((server) => server.environment === environment);
  }

  server(id: string) {
    return this.#call('server', { id });
  }

  join(request: JoinRequest) {
    return this.#call('join', request);
  }

  renew({ projects, ...report }: Renewal) {
    return this.#call('renew', { ...report, projects: [...projects] });
  }

  leave(id: string, instance: string) {
    return this.#call('leave', { id, instance });
  }

  assign(id: string, environment: string | undefined, options?: Conditional) {
    return this.#call('assign', { id, ...(environment !== undefined && { environment }), options: sent(options) });
  }

  patchServer(id: string, patch: { draining?: boolean; weight?: number }, options?: Conditional) {
    return this.#call('patchServer', { id, patch, options: sent(options) });
  }

  forgetServer(id: string, options?: Conditional) {
    return this.#call('forgetServer', { id, options: sent(options) });
  }

  watch(tell: (news: News) => void, { server }: { server?: string } = {}): Watch {
    let settle = () => {};
    const ready = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const entry = { tell, server, settle };
    this.#listening.add(entry);
    if (this.link.up) this.#subscribe(entry);
    const close = () => {
      this.#listening.delete(entry);
      settle();
    };
    return { ready, close };
  }

  /** Does nothing: the balancer at the other end notices refused writes, and its answers say so. */
  async probe(): Promise<void> {}

  async close(): Promise<void> {
    this.#link.close();
    for (const { settle } of this.#listening) settle();
    this.#listening.clear();
  }

  async #call<M extends MethodName>(method: M, params: ParamsOf<M>): Promise<ResultOf<M>> {
    const { value, faults } = await checkedAnswer(method, await this.#link.send({ method, params }));
    if (!faults) return value as ResultOf<M>;
    throw new SluiceError(
      'internal',
      `the balancer's answer to ${method} is not understood (${faults
        .slice(0, 3)
        .map((fault) => describeFault(fault))
        .join('; ')}): run the same version of Sluice on both sides`,
    );
  }

  #isUp(): void {
    for (const entry of this.#listening) this.#subscribe(entry);
    if (this.#everUp) this.#tell({ kind: 'resync' });
    this.#everUp = true;
  }

  #subscribe({ server, settle }: Listening): void {
    this.#link
      .send({ watch: { ...(server !== undefined && { server }), callers: true, purges: true } })
      .then(settle, (error: SluiceError) => {
        // Without a connection: subscribes again when there is one.
        if (error.code !== 'unavailable') this.#log.error({ err: error }, 'the balancer refused to send news');
      });
  }

  #tell(news: News): void {
    for (const { tell, server } of [...this.#listening]) if (concerns(news, server)) tell(news);
  }
}

/** A condition as it is sent. */
function sent({ expect }: Conditional = {}): { expect?: string[] } {
  return expect === undefined ? {} : { expect: [...expect] };
}

function endpointOf(text: string): URL {
  if (URL.canParse(text)) {
    const url = new URL('/v1/join', text);
    const plain = url.username === '' && url.password === '';
    if (plain && /^https?:$/.test(url.protocol)) {
      url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
      return url;
    }
  }
  throw new SluiceError('invalid', "the balancer's URL cannot be used: write http://HOST:PORT or https://HOST:PORT of its control address");
}
