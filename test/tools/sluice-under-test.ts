import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerAnswer } from '../../src/api/answers.ts';
import { eventually } from './eventually.ts';
import { ownFolder } from './own-folder.ts';
import type { Owner } from './owner.ts';
import { SluiceProcess } from './sluice-process.ts';

export const adminToken = 'admin-token-of-the-tests';
export const joinToken = 'join-token-of-the-tests';
const env = { SLUICE_ADMIN_TOKEN: adminToken, SLUICE_JOIN_TOKEN: joinToken };

/** Environment variables that make `serve` and `up` listen on free ports. */
export const onFreePorts = { SLUICE_CONTROL_LISTEN: '127.0.0.1:0', SLUICE_ENVIRONMENTS_PRODUCTION_LISTEN: '127.0.0.1:0' };

/** A running `sluice serve`, and the means to talk to it. */
export interface BalancerUnderTest {
  readonly process: SluiceProcess;
  /** Its working directory, with its configuration file `sluice.json`. */
  readonly folder: string;
  /** The listener of `production`, as `HOST:PORT`. */
  readonly address: string;
  /** The listener of each environment in its configuration. */
  readonly addresses: Readonly<Record<string, string>>;
  /** URL of the admin API. */
  readonly control: string;
  /** Calls the admin API. Rejects unless the answer is 2xx. */
  api(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Starts the balancer again after it has ended, with the same folder and addresses; `variables` are set in addition. */
  again(variables?: Record<string, string>, changed?: ChangedStart): Promise<BalancerUnderTest>;
}

/** Differences of a start from the one before. */
export interface ChangedStart {
  /** Default: the same. */
  readonly program?: string | undefined;
  /**
   * Clients get other addresses: the configuration is that of the first start. Balancers that share a registry share the addresses in it, which two
   * on one machine cannot both open.
   */
  readonly otherAddresses?: boolean;
}

/** An environment with health checks quick enough for tests; the default interval is 2 s. */
export const testEnvironment = { listen: '127.0.0.1:0', exposeServer: true, health: { interval: '200ms', timeout: '1s' } };

/**
 * Starts `sluice serve` on free ports, with the environment `production`. `settings` and `environments` are merged into its configuration,
 * `variables` into the environment of the process.
 */
export async function startBalancer(
  owner: Owner,
  settings: Record<string, unknown> = {},
  environments: Record<string, Record<string, unknown>> = {},
  variables: Record<string, string> = {},
  program?: string,
  descriptors?: number,
): Promise<BalancerUnderTest> {
  const config = { control: { listen: '127.0.0.1:0' }, environments: { production: testEnvironment, ...environments }, ...settings };
  return launchBalancer(owner, ownFolder(owner), config, variables, program, descriptors);
}

/** Address of the balancer's listener that redirects to https. */
export async function redirectAddress({ process, address }: BalancerUnderTest): Promise<string> {
  const { address: found } = await process.logged((line) => line.msg === 'listening' && line['address'] !== address);
  return String(found);
}

interface BalancerConfig {
  readonly control: { readonly listen: string };
  readonly environments: Readonly<Record<string, Record<string, unknown>>>;
}

async function launchBalancer(
  owner: Owner,
  folder: string,
  config: BalancerConfig,
  variables: Record<string, string>,
  program?: string,
  descriptors?: number,
): Promise<BalancerUnderTest> {
  writeFileSync(join(folder, 'sluice.json'), JSON.stringify(config));
  const process = SluiceProcess.start(owner, ['serve', '--config', 'sluice.json'], {
    folder,
    env: { ...env, ...variables },
    ...(program !== undefined && { program }),
    ...(descriptors !== undefined && { descriptors }),
  });
  const addresses: Record<string, string> = {};
  for (const name of Object.keys(config.environments)) {
    addresses[name] = String((await process.logged((line) => line.msg === 'serving' && line['environment'] === name))['listen']);
  }
  const control = String((await process.logged((line) => line.msg === 'control'))['control']);
  const again = (more: Record<string, string> = {}, { program: next = program, otherAddresses = false }: ChangedStart = {}) => {
    const same = Object.entries(config.environments).map(([name, spec]) => [name, { ...spec, listen: addresses[name] }]);
    const environments = otherAddresses ? config.environments : Object.fromEntries(same);
    const there = { ...config, control: { listen: new URL(control).host }, environments };
    return launchBalancer(owner, folder, there, { ...variables, ...more }, next, descriptors);
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

/** Starts `sluice gateway` and resolves when it listens. Given a `folder`, it finds the data that it stored there when it last ran. */
export async function startGateway(
  owner: Owner,
  id: string | undefined,
  joinUrl: string,
  more: readonly string[] = ['--environment', 'production'],
  {
    folder = ownFolder(owner),
    grace = '30s',
    variables = {},
    program,
    descriptors,
  }: { folder?: string; grace?: string; variables?: Record<string, string>; program?: string; descriptors?: number } = {},
): Promise<SluiceProcess> {
  const args = ['gateway', '--join', joinUrl, ...(id === undefined ? [] : ['--id', id]), ...more];
  const process = SluiceProcess.start(owner, args, {
    folder,
    env: { ...env, SLUICE_SHUTDOWN_GRACE: grace, ...variables },
    ...(program !== undefined && { program }),
    ...(descriptors !== undefined && { descriptors }),
  });
  await process.logged((line) => line.msg === 'gateway listens');
  return process;
}

/** Runs an operator's command and resolves when it has ended. */
export async function operate(
  owner: Owner,
  balancer: BalancerUnderTest,
  ...args: string[]
): Promise<{ status: number | null; out: string; err: string }> {
  const process = SluiceProcess.start(owner, args, { folder: ownFolder(owner), env: { ...env, SLUICE_CONTROL: balancer.control } });
  const status = await process.ended();
  return { status, out: process.stdout, err: process.log.map((line) => line.msg).join('\n') };
}

/** Resolves when `environment` has exactly these servers and all of them take requests of the balancer. Servers that other balancers are do not count. */
export async function serving(balancer: BalancerUnderTest, ids: readonly string[], environment = 'production'): Promise<ServerAnswer[]> {
  const wanted = [...ids].sort().join();
  return eventually(
    async () => {
      const servers = await balancer.api('GET', `/v1/servers?environment=${environment}`).catch(whileAway);
      return ((servers ?? []) as ServerAnswer[]).filter(({ elsewhere }) => !elsewhere);
    },
    (servers) =>
      servers.map(({ id }) => id).join() === wanted && servers.every(({ state, health }) => state === 'ready' && health === 'up'),
    { what: `exactly ${wanted} to serve ${environment}` },
  );
}

/** Resolves when `production` has `count` servers, each with its newest snapshot. */
export async function current(balancer: BalancerUnderTest, count: number): Promise<void> {
  await eventually(
    () => balancer.api('GET', '/v1/environments/production/deployments') as Promise<{ servers: { state: string }[] }>,
    ({ servers }) => servers.length === count && servers.every(({ state }) => state === 'current'),
    { what: `${count} servers of production to be current` },
  );
}

/** Turns the error of a call into `undefined` while the registry (503) or the balancer itself (refused connection) is away. Rethrows others. */
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
