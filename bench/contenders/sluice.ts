import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readyPath } from '../../src/model/reserved-path.ts';
import type { CertificateFiles } from '../certificate.ts';
import type { Availability } from '../contender.ts';
import { type NodeProgram, nodeAtHand } from '../node-program.ts';
import { freePort, Launched } from '../processes.ts';

const bundle = fileURLToPath(new URL('../../dist/sluice.mjs', import.meta.url));
const tokens = { SLUICE_ADMIN_TOKEN: 'bench-admin-token', SLUICE_JOIN_TOKEN: 'bench-join-token' };

/** Finds the version of Sluice as it is shipped: the built bundle, not the sources. */
export function sluiceVersion(node: NodeProgram = nodeAtHand): Availability {
  if (!existsSync(bundle)) return { missing: 'dist/sluice.mjs is missing (npm run build)' };
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return { version: `${version} on Node.js ${node.version}` };
}

/** A running `sluice serve`. */
export interface Balancer {
  readonly process: Launched;
  /** Port of the listener for clients. */
  readonly port: number;
  /** URL of the admin API. */
  readonly control: string;
}

export interface BalancerOptions {
  readonly folder: string;
  readonly cpu: number | undefined;
  readonly accessLog: boolean;
  /** Static servers; empty: gateways join. */
  readonly upstreams: readonly number[];
  /** True: the balancer is a gateway server itself. Default false. */
  readonly embedded?: boolean;
  /** Certificate of the listener; undefined: it is plain. */
  readonly certificate?: CertificateFiles | undefined;
  /** Default: the Node.js that runs the bench. */
  readonly node?: NodeProgram;
}

/** Starts `sluice serve` with the environment `production`: balanced by least connections, otherwise with defaults. */
export async function startBalancer({
  folder,
  cpu,
  accessLog,
  upstreams,
  embedded = false,
  certificate: files,
  node = nodeAtHand,
}: BalancerOptions): Promise<Balancer> {
  const port = await freePort();
  const listen = `127.0.0.1:${await freePort()}`;
  const servers = upstreams.map((upstream, index) => ({ id: `s${index}`, address: `127.0.0.1:${upstream}` }));
  const production = {
    listen: `127.0.0.1:${port}`,
    balance: 'least-connections',
    embedded,
    ...(files !== undefined && { tls: { certificates: [{ certificate: files.certificate, key: files.key }] } }),
    ...(servers.length > 0 && { servers, health: { path: '/' } }),
  };
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'sluice.yaml');
  // JSON is valid YAML.
  writeFileSync(file, JSON.stringify({ control: { listen }, dataDir: join(folder, 'data'), accessLog, environments: { production } }));
  const process = launch(node, ['serve', '--config', file], folder, cpu);
  const control = `http://${listen}`;
  await process.until(() => succeeds(fetch(`${control}/readyz`)));
  return { process, port, control };
}

/** Starts `sluice gateway` in the environment `production` of a balancer, with one project at `/` whose targets are the upstreams. @param parts more of the project */
export async function startGateway(
  balancer: Balancer,
  { folder, cpu, upstreams }: Omit<BalancerOptions, 'accessLog'>,
  parts: Readonly<Record<string, unknown>> = {},
): Promise<{ process: Launched; port: number }> {
  await deployProject(balancer, upstreams, parts);
  const port = await freePort();
  const words = ['gateway', '--join', balancer.control, '--environment', 'production', '--id', 'bench'];
  const process = launch(nodeAtHand, [...words, '--listen', `127.0.0.1:${port}`, '--data-dir', join(folder, 'gateway')], folder, cpu);
  await process.until(() => succeeds(fetch(`http://127.0.0.1:${port}${readyPath}`)));
  return { process, port };
}

/** Deploys one project at `/` whose targets are the upstreams. @param parts more of the project */
export async function deployProject(
  balancer: Balancer,
  upstreams: readonly number[],
  parts: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const urls = upstreams.map((upstream) => ({ url: `http://127.0.0.1:${upstream}` }));
  await callBalancer(balancer, 'POST', '/v1/projects', { name: 'bench', basePath: '/', targets: { default: { urls } }, ...parts });
  await callBalancer(balancer, 'PUT', '/v1/environments/production/deployments/bench', {});
}

function launch(node: NodeProgram, words: readonly string[], folder: string, cpu: number | undefined): Launched {
  return new Launched(node.file, [bundle, ...words], { folder: join(folder, words[0] as string), cpu, env: tokens });
}

/** Calls the admin API of a balancer. Rejects unless it succeeds. */
export async function callBalancer({ control }: Balancer, method: string, path: string, body: unknown): Promise<void> {
  const headers = { authorization: `Bearer ${tokens.SLUICE_ADMIN_TOKEN}`, 'content-type': 'application/json' };
  await succeeds(fetch(control + path, { method, headers, body: JSON.stringify(body) }));
}

async function succeeds(request: Promise<Response>): Promise<void> {
  const response = await request;
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${text.slice(0, 300)}`);
}
