import { contentHash, contentHashInPieces } from '../../model/content-hash.ts';
import { type ExpectedTags, environmentTag } from '../../model/entity-tag.ts';
import {
  type Environment,
  type EnvironmentSpec,
  type EnvironmentSpecInput,
  environmentInPieces,
  environmentSpec,
} from '../../model/environment.ts';
import { type Fault, SluiceError } from '../../model/fault.ts';
import { restoreKeys } from '../../model/hidden-keys.ts';
import { name as nameSchema } from '../../model/name.ts';
import type { News } from '../../model/news.ts';
import { inTurns, type Pieces } from '../../model/pieces.ts';
import type { ServerRecord } from '../../model/server.ts';
import { settingsOrigins, type WrittenSettings } from '../../model/settings-origins.ts';
import type { DeployedProject } from '../../model/snapshot.ts';
import { snapshotHash } from '../../model/snapshot-hash.ts';
import { faultsIn, listed } from '../../projects/project-plan.ts';
import type { Variables } from '../../projects/variables.ts';
import type { Applied } from '../contract.ts';
import { changeName, type EnvironmentDocument } from '../documents.ts';
import type { Change, Key } from '../store.ts';
import { withoutUnknownKeys } from '../without-unknown-keys.ts';
import { DeployedProjects, documentsOf } from './deployed-projects.ts';
import type { Entry, Ledger } from './ledger.ts';
import { mergeSettings } from './merge-settings.ts';
import { mustHaveKeys, mustSatisfy, noSuch, notAmong, valid } from './refusals.ts';
import { served } from './served-settings.ts';
import type { Snapshots } from './snapshots.ts';

/** Rules for the environments of a registry. */
export class Environments {
  readonly #ledger: Ledger;
  readonly #snapshots: Snapshots;

  constructor(ledger: Ledger, snapshots: Snapshots) {
    this.#ledger = ledger;
    this.#snapshots = snapshots;
  }

  async list(): Promise<Environment[]> {
    return (await this.#ledger.list('environment')).all('environment').map((entry) => environmentOf(entry, entry.value));
  }

  async get(name: string): Promise<Environment | undefined> {
    const entry = (await this.#ledger.read({ kind: 'environment', name })).get('environment', name);
    return entry.value && environmentOf(entry, entry.value);
  }

  async put(name: string, given: EnvironmentSpecInput, expect?: ExpectedTags): Promise<Environment> {
    valid(`the environment's name`, nameSchema, name);
    const sent = await validSettings(name, given);

    return this.#ledger.transact(async () => {
      const now = await this.#ledger.read({ kind: 'environment', name });
      const entry = now.get('environment', name);
      const { value: old } = entry;
      if (expect !== undefined) mustSatisfy(`environment "${name}"`, expect, old && environmentTag(old, old.version));
      const input = restoreKeys(given, old?.input);
      mustHaveKeys(`environment "${name}"`, input);
      const spec = input === given ? sent : await validSettings(name, input);
      const result: Environment = { name, input, spec, ...stillStatic(old?.drained, spec) };
      if (old && (await sameSettings(old.input, input))) return { result };
      if (old?.unread !== undefined)
        throw new SluiceError('conflict', `environment "${name}" is left unchanged: ${old.unread}, then change it`);
      return { result, change: await this.#change(now.epoch, entry, result) };
    });
  }

  async apply(name: string, file: EnvironmentSpecInput, dryRun = false): Promise<Applied> {
    valid(`the environment's name`, nameSchema, name);
    await validSettings(name, file);
    mustHaveKeys(`environment "${name}"`, file);
    return this.#ledger.transact<Applied>(async () => {
      const now = await this.#ledger.read({ kind: 'environment', name }, { kind: 'applied', name });
      const entry = now.get('environment', name);
      const record = now.replaceable('applied', name);
      const { value: old, stale } = entry;
      const unchanged = record.value !== undefined && (await sameSettings(record.value.input, file));
      if (stale !== undefined) return { result: { outcome: 'unread', replaced: [], kept: [] } };
      if (!old && unchanged) return { result: { outcome: 'deleted', replaced: [], kept: [] } };

      const applied = (old && record.value?.input) ?? {};
      const input = mergeSettings({ applied, file, stored: old?.input ?? {} }) as EnvironmentSpecInput;
      const spec = await validSettings(name, withoutUnknownKeys(environmentSpec, input).known);
      const same = old !== undefined && (await sameSettings(old.input, input));
      const result: Applied = {
        outcome: !old ? 'created' : same ? 'unchanged' : 'changed',
        ...(old ? differences(old, { input, spec }, applied, file) : nothing),
      };
      if (same && unchanged) return { result };
      const change: Change = same
        ? { epoch: now.epoch, expect: [entry], news: [] }
        : await this.#change(now.epoch, entry, { name, input, spec });
      const put = [...(change.put ?? []), { kind: record.kind, name, text: JSON.stringify({ input: file }) }];
      return dryRun ? { result } : { result, change: { ...change, expect: [...change.expect, record], put } };
    });
  }

  /** Reads the settings of each environment as they were last applied from a configuration file. */
  async applied(): Promise<Map<string, EnvironmentSpecInput>> {
    const entries = (await this.#ledger.list('applied')).all('applied');
    return new Map(entries.map(({ name, value }) => [name, value.input as EnvironmentSpecInput]));
  }

  async forgetApplied(name: string): Promise<void> {
    await this.#ledger.transact(async () => {
      const now = await this.#ledger.read({ kind: 'applied', name });
      const entry = now.replaceable('applied', name);
      return { result: undefined, ...(entry.revision > 0 && { change: { epoch: now.epoch, expect: [entry], remove: [entry], news: [] } }) };
    });
  }

  async #change(epoch: string, entry: Entry<'environment'>, { name, input, spec }: Environment): Promise<Change> {
    const { value: old } = entry;
    const news: News[] = [{ kind: 'environment', name }];
    const { deployments, deployed } = old ?? { deployments: [] };
    const isOlder = old !== undefined && old.decidesTls !== true && input.serverTls === undefined;
    const tls = isOlder ? {} : ({ decidesTls: true } as const);
    const settings = served({ spec, ...tls });
    let { version, hash } = old ?? { version: 0, hash: snapshotHash(settings, []) };
    const put: Put[] = [];
    if (old && contentHash(served(old)) !== contentHash(settings)) {
      const { put: entries } = await this.#snapshots.manifest(name, epoch, old);
      await inTurns(mustServe(name, await this.#snapshots.projects(epoch, entries), old.spec.variables, spec.variables));
      hash = new DeployedProjects(this.#ledger, name, old).hashWith(settings);
      news.push({ kind: 'snapshot', name, version: ++version });
      put.push({ kind: 'change', name: changeName(name, version), text: JSON.stringify({ version, from: old.hash, hash }) });
    }
    const text = environmentText({
      input,
      version,
      hash,
      ...(deployments ? { deployments } : { deployed: deployed ?? 0 }),
      ...(old?.lost && { lost: old.lost }),
      ...(old?.restored && { restored: old.restored }),
      ...tls,
      ...stillStatic(old?.drained, spec),
    });
    return { epoch, expect: [entry], put: [{ kind: entry.kind, name, text }, ...put], news };
  }

  /** Drains a static server, or ends its drain. */
  async drain(name: string, id: string, draining: boolean): Promise<Environment> {
    return this.#ledger.transact(async () => {
      const now = await this.#ledger.read({ kind: 'environment', name });
      const entry = now.get('environment', name);
      const { value: old } = entry;
      if (old === undefined) throw await noSuch(this.#ledger, 'environment', name);
      const ids = old.spec.servers.map((server) => server.id);
      if (!ids.includes(id)) throw notAmong(`environment "${name}" has no static server "${id}"`, ids);
      const others = (old.drained ?? []).filter((other) => other !== id);
      const { drained: before, ...rest } = old;
      const next = { ...rest, ...stillStatic(draining ? [...others, id] : others, old.spec) };
      if (draining === (before?.includes(id) ?? false)) return { result: environmentOf(entry, old) };
      const put = [{ kind: entry.kind, name, text: environmentText(next) }];
      return {
        result: environmentOf(entry, next),
        change: { epoch: now.epoch, expect: [entry], put, news: [{ kind: 'environment', name }] },
      };
    });
  }

  async remove(name: string, force: boolean, expect?: ExpectedTags): Promise<void> {
    await this.#ledger.transact(async () => {
      const now = await this.#ledger.read({ kind: 'environment', name });
      if (!now.has('environment')) throw await noSuch(this.#ledger, 'environment', name);
      const entry = force ? now.replaceable('environment', name) : now.get('environment', name);
      mustSatisfy(`environment "${name}"`, expect, entry.value && environmentTag(entry.value, entry.value.version));
      const servers = await this.#ledger.list('server');
      const members = servers.all('server').filter(({ value }) => value.environment === name || value.movingTo === name);
      if (!force) mustBeEmpty(entry, members.filter(({ leaseRemaining }) => leaseRemaining >= 0).length);

      const put = members.map(({ kind, name: id, value }) => ({ kind, name: id, text: JSON.stringify(without(value, name)) }));
      const removed: Key[] = [{ kind: 'environment', name }, ...(await documentsOf(this.#ledger, name))];
      const news: News[] = [{ kind: 'environment', name }, ...members.map(({ name: id }) => ({ kind: 'server', name: id }) as const)];
      const expectAll = { kind: 'server', generation: servers.generation } as const;
      return { result: undefined, change: { epoch: now.epoch, expect: [entry], expectAll, put, remove: removed, news } };
    });
    this.#snapshots.forget(name);
  }
}

type Put = NonNullable<Change['put']>[number];

const nothing = { replaced: [], kept: [] };

/** Compares where a file and an operator's changes disagree. */
function differences(
  old: WrittenSettings,
  next: WrittenSettings,
  applied: EnvironmentSpecInput,
  file: EnvironmentSpecInput,
): Pick<Applied, 'replaced' | 'kept'> {
  const changedByOperator = Object.entries(settingsOrigins(old, applied)).filter(([, origin]) => origin === 'api');
  const now = settingsOrigins(next, file);
  const fileHas = new Set(Object.keys(settingsOrigins({ input: file, spec: environmentSpec.parse(file) }, file)));
  return {
    replaced: changedByOperator.map(([path]) => path).filter((path) => now[path] !== 'api'),
    kept: Object.keys(now).filter((path) => now[path] === 'api' && fileHas.has(path)),
  };
}

/** Text of an environment's document; the counterpart of its schema in `documents.ts`. */
export function environmentText(document: Omit<EnvironmentDocument, 'spec' | 'unread'>): string {
  const { input, version, hash, deployments, deployed, lost, restored, drained, decidesTls } = document;
  return JSON.stringify({ input, version, hash, deployments, deployed, lost, restored, drained, decidesTls });
}

function environmentOf({ name, stale }: Entry<'environment'>, { input, spec, drained, unread = stale }: EnvironmentDocument): Environment {
  return { name, input, spec, ...(drained && { drained }), ...(unread !== undefined && { unread }) };
}

/** Picks the drained servers that the settings still list, sorted. */
function stillStatic(drained: readonly string[] = [], { servers }: EnvironmentSpec): { drained?: string[] } {
  const still = drained.filter((id) => servers.some((server) => server.id === id)).sort();
  return still.length === 0 ? {} : { drained: still };
}

/** Record of a server after `environment`, which it was in or was moving to, is deleted. */
function without({ movingTo, ...record }: ServerRecord, environment: string): ServerRecord {
  if (record.environment !== environment) return { ...record, movingTo: null };
  const { environment: _, running: __, ...available } = record;
  const next = { ...available, projects: [] };
  return typeof movingTo === 'string' && movingTo !== environment ? { ...next, environment: movingTo } : next;
}

/** Throws `invalid` if a deployed project could be served with the variables `before`, but not with those `after` a change. */
function* mustServe(environment: string, projects: readonly DeployedProject[], before: Variables, after: Variables): Pieces<void> {
  const faults: Fault[] = [];
  for (const { name, revision, project } of projects) {
    const lost = yield* faultsIn(project, after);
    if (lost.length === 0) continue;
    const had = new Set((yield* faultsIn(project, before)).map(({ path, message }) => `${path} ${message}`));
    const added = lost.filter(({ path, message }) => !had.has(`${path} ${message}`));
    for (const fault of added)
      faults.push({ path: 'variables', message: `project ${name}@${revision} could not be served: ${listed([fault])}` });
  }
  if (faults.length === 0) return;
  const more = faults.length > 3 ? ` and ${faults.length - 3} more` : '';
  const reasons = faults.slice(0, 3).map(({ message }) => message);
  throw new SluiceError(
    'invalid',
    `the variables of environment "${environment}" are in use: ${reasons.join('; ')}${more}. Keep them, or deploy or undeploy the project first`,
    { faults },
  );
}

function mustBeEmpty({ name, value }: Entry<'environment'>, servers: number): void {
  const deployments = value?.deployments?.length ?? value?.deployed ?? 0;
  if (servers + deployments === 0) return;
  const holds = `environment "${name}" has ${servers} server(s) and ${deployments} deployment(s)`;
  throw new SluiceError('not-empty', `${holds}: remove them first, or force it`);
}

/** Checks the settings of environment `name` in turns of the event loop: there may be thousands of static servers among them. */
async function validSettings(name: string, given: unknown): Promise<EnvironmentSpec> {
  const { success, data } = await inTurns(environmentInPieces(given));
  return success ? data : valid(`environment "${name}"`, environmentSpec, given);
}

async function sameSettings(one: object, other: object): Promise<boolean> {
  if (one === other) return true;
  const [hash, otherHash] = [await inTurns(contentHashInPieces({ ...one })), await inTurns(contentHashInPieces({ ...other }))];
  return hash === otherHash;
}
