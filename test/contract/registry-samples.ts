import assert from 'node:assert/strict';
import type { Test } from 'tap';
import { contentHash } from '../../src/model/content-hash.ts';
import type { SluiceError } from '../../src/model/fault.ts';
import type { JoinRequest } from '../../src/model/join.ts';
import type { News } from '../../src/model/news.ts';
import { type Project, project } from '../../src/model/project.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { snapshotHash } from '../../src/model/snapshot-hash.ts';
import type { Deployed, Registry } from '../../src/registry/contract.ts';
import { Condition } from '../tools/condition.ts';
import { eventually } from '../tools/eventually.ts';

/** A project with one target and no resources. */
export function api(name: string, more: { version?: string; basePath?: string } = {}): Project {
  return project.parse({ name, basePath: `/${name}`, targets: { default: { url: 'http://127.0.0.1:9' } }, ...more });
}

/** Join request of a gateway with this `id`. */
export function request(id: string, more: Partial<JoinRequest> = {}): JoinRequest {
  const usual = { id, instance: `${id}-1`, address: '127.0.0.1:1', source: 'join', version: '1.0.0', startedAt: 1, ttl: 10_000 } as const;
  return { ...usual, ...more };
}

/** Creates an environment and deploys a project of this name to it. */
export async function deployed(registry: Registry, environment: string, name: string): Promise<Snapshot> {
  await registry.putEnvironment(environment, {});
  await registry.pushProject(api(name));
  return after(registry, registry.deploy(environment, name));
}

/** The whole snapshot after a change, which must be the one that the change says it leads to. */
export async function after(registry: Registry, change: Promise<Deployed>): Promise<Snapshot> {
  const { environment, version, hash, epoch } = await change;
  const snapshot = await registry.snapshot(environment);
  assert.deepEqual([snapshot.epoch, snapshot.version, snapshot.hash], [epoch, version, hash]);
  return snapshot;
}

/** Repeats `work` while the registry cannot be reached. */
export async function persistently<T>(work: () => Promise<T>): Promise<T> {
  const attempt = () =>
    work().then(
      (value) => ({ value }),
      (error: SluiceError) => {
        if (error.code !== 'unavailable') throw error;
        return error;
      },
    );
  const result = await eventually(attempt, (answer) => 'value' in answer, { what: 'the registry to be reachable' });
  return (result as { value: T }).value;
}

/** A watch that keeps all news; `until` resolves once wanted news has arrived, before or after the call. */
export async function listen(t: Test, registry: Registry, server?: string) {
  const all: News[] = [];
  const received = new Condition();
  const watch = registry.watch(
    (news) => {
      all.push(news);
      received.notify();
    },
    server === undefined ? {} : { server },
  );
  t.teardown(() => watch.close());
  await watch.ready;
  const until = async (wanted: (news: News) => boolean): Promise<void> => {
    await received.until(() => all.some(wanted), { what: `news that satisfy ${wanted}`, seen: () => all });
  };
  return { all, watch, until };
}

/** Checks that a snapshot's hash is the hash of its content. */
export function mustHash(t: Test, { hash, variables, underscores, projects }: Snapshot): void {
  const hashed = projects.map(({ name, revision, project, fallback }) => ({
    name,
    revision,
    hash: contentHash(project),
    ...(fallback && { fallback: { revision: fallback.revision, hash: contentHash(fallback.project) } }),
  }));
  t.equal(hash, snapshotHash({ variables, ...(underscores && { underscores }) }, hashed));
}
