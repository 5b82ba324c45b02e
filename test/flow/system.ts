import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerAnswer } from '../../src/api/answers.ts';
import { listening } from '../tools/listening.ts';
import { pause } from './pause.ts';
import { type Owner, SluiceProcess } from './processes.ts';

export const adminToken = 'admin-token-of-the-flow-tests';
export const joinToken = 'join-token-of-the-flow-tests';
const env = { SLUICE_ADMIN_TOKEN: adminToken, SLUICE_JOIN_TOKEN: joinToken };

/** A running balancer and how to talk to it. */
export interface BalancerUnderTest {
  readonly process: SluiceProcess;
  /** Where it runs and has its configuration, `sluice.json`. */
  readonly folder: string;
  /** Where clients of `production` send requests to. */
  readonly address: string;
  /** The same for each environment of its configuration. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Admin API, as a URL. */
  readonly control: string;
  /** Calls the admin API; rejects unless it answers 2xx. */
  api(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Starts it again, where it was: same folder, same addresses. It must have ended. */
  again(): Promise<BalancerUnderTest>;
}

/** Health checks quick enough for tests; the defaults look every 2 s. */
export const testEnvironment = { listen: '127.0.0.1:0', exposeServer: true, health: { interval: '200ms', timeout: '1s' } };

/** Starts `sluice serve` with one environment `production` on free ports; `settings` and `environments` go over it, `variables` to the process. */
export async function startBalancer(
  t: Owner,
  settings: Record<string, unknown> = {},
  environments: Record<string, Record<string, unknown>> = {},
  variables: Record<string, string> = {},
): Promise<BalancerUnderTest> {
  const config = { control: { listen: '127.0.0.1:0' }, environments: { production: testEnvironment, ...environments }, ...settings };
  return launchBalancer(t, ownFolder(t), config, variables);
}

interface BalancerConfig {
  readonly control: { readonly listen: string };
  readonly environments: Readonly<Record<string, Record<string, unknown>>>;
}

async function launchBalancer(
  t: Owner,
  folder: string,
  config: BalancerConfig,
  variables: Record<string, string>,
): Promise<BalancerUnderTest> {
  writeFileSync(join(folder, 'sluice.json'), JSON.stringify(config));
  const process = SluiceProcess.start(t, ['serve', '--config', 'sluice.json'], { folder, env: { ...env, ...variables } });
  const addresses: Record<string, string> = {};
  for (const name of Object.keys(config.environments)) {
    addresses[name] = String((await process.logged((line) => line.msg === 'serving' && line['environment'] === name))['listen']);
  }
  const control = String((await process.logged((line) => line.msg === 'control'))['control']);
  const again = () => {
    const environments = Object.entries(config.environments).map(([name, spec]) => [name, { ...spec, listen: addresses[name] }]);
    const there = { ...config, control: { listen: new URL(control).host }, environments: Object.fromEntries(environments) };
    return launchBalancer(t, folder, there, variables);
  };
  return {
    process,
    folder,
    address: addresses['production'] as string,
    addresses,
    control,
    api: (method, path, body) => callApi(control, method, path, body),
    again,
  };
}

/** Starts `sluice gateway`; settles when it listens. In a given `folder` it finds what it left there when it last ran. */
export async function startGateway(
  t: Owner,
  id: string | undefined,
  joinUrl: string,
  more: readonly string[] = ['--environment', 'production'],
  { folder = ownFolder(t), grace = '30s', variables = {} }: { folder?: string; grace?: string; variables?: Record<string, string> } = {},
): Promise<SluiceProcess> {
  const args = ['gateway', '--join', joinUrl, ...(id === undefined ? [] : ['--id', id]), ...more];
  const process = SluiceProcess.start(t, args, { folder, env: { ...env, SLUICE_SHUTDOWN_GRACE: grace, ...variables } });
  await process.logged((line) => line.msg === 'gateway listens');
  return process;
}

/** Runs an operator's command to its end. */
export async function operate(
  t: Owner,
  balancer: BalancerUnderTest,
  ...args: string[]
): Promise<{ status: number | null; out: string; err: string }> {
  const process = SluiceProcess.start(t, args, { folder: ownFolder(t), env: { ...env, SLUICE_CONTROL: balancer.control } });
  const status = await process.ended();
  return { status, out: process.stdout, err: process.log.map((line) => line.msg).join('\n') };
}

/** A folder of its owner's own; `t.testdir()` is one for the whole test, and emptied at each call. */
export function ownFolder(t: Owner): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-flow-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A target that answers with what it was sent; counts POSTs by path, so that doubles are seen. */
export async function startTarget(t: Owner): Promise<{ url: string; posts: Map<string, number> }> {
  const posts = new Map<string, number>();
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    const path = (request.url ?? '').slice(1);
    if (request.method === 'POST') posts.set(path, (posts.get(path) ?? 0) + 1);
    response.end(`${request.method} ${path} ${body}`);
  });
  server.keepAliveTimeout = 120_000;
  const address = await listening(t, server);
  return { url: `http://${address}`, posts };
}

/** The project of these tests: echoes, and names its revision in a header. */
export function echoProject(url: string, revision: string): Record<string, unknown> {
  return {
    name: 'echo',
    basePath: '/echo',
    targets: { default: { url } },
    policies: { proxyResponse: [{ headers: { set: { 'x-revision': revision } } }] },
  };
}

/** Asks again and again until `holds`; for what is nobody's event. */
export async function eventually<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
    // Leaves the balancer, and a load in this process, room to work.
    await pause(2);
  }
}

/** Pushes the echo project and deploys its newest revision. */
export async function deployEcho(
  balancer: BalancerUnderTest,
  targetUrl: string,
  revision = '1',
  environment = 'production',
): Promise<void> {
  await balancer.api('POST', '/v1/projects', echoProject(targetUrl, revision));
  await balancer.api('PUT', `/v1/environments/${environment}/deployments/echo`, {});
}

/** Settles when `environment` has exactly these servers and all of them take requests. */
export async function serving(balancer: BalancerUnderTest, ids: readonly string[], environment = 'production'): Promise<ServerAnswer[]> {
  return eventually(
    async () => {
      const servers = await balancer.api('GET', `/v1/servers?environment=${environment}`).catch(whileAway);
      return (servers ?? []) as ServerAnswer[];
    },
    (servers) =>
      servers.map(({ id }) => id).join() === [...ids].sort().join() &&
      servers.every(({ state, health }) => state === 'ready' && health === 'up'),
  );
}

/** Settles when each of so many servers of `production` has what is deployed. */
export async function current(balancer: BalancerUnderTest, count: number): Promise<void> {
  await eventually(
    () => balancer.api('GET', '/v1/environments/production/deployments') as Promise<{ servers: { state: string }[] }>,
    ({ servers }) => servers.length === count && servers.every(({ state }) => state === 'current'),
  );
}

/** No answer for as long as the registry or the balancer itself is away. */
export function whileAway(error: Error): undefined {
  if (!/: 503 |fetch failed/.test(error.message)) throw error;
}

async function callApi(control: string, method: string, path: string, body: unknown): Promise<unknown> {
  const response = await fetch(control + path, {
    method,
    headers: { authorization: `Bearer ${adminToken}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}
