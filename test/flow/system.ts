import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Test } from 'tap';
import { SluiceProcess } from './processes.ts';

const adminToken = 'admin-token-of-the-flow-tests';
const joinToken = 'join-token-of-the-flow-tests';
const env = { SLUICE_ADMIN_TOKEN: adminToken, SLUICE_JOIN_TOKEN: joinToken };

/** A running balancer and how to talk to it. */
export interface BalancerUnderTest {
  readonly process: SluiceProcess;
  /** Where clients send requests to. */
  readonly address: string;
  /** Admin API, as a URL. */
  readonly control: string;
  /** Calls the admin API; rejects unless it answers 2xx. */
  api(method: string, path: string, body?: unknown): Promise<unknown>;
}

/** Starts `sluice serve` with one environment `production` on free ports; `settings` go over it. */
export async function startBalancer(t: Test, settings: Record<string, unknown> = {}, environments: Record<string, unknown> = {}): Promise<BalancerUnderTest> {
  const folder = ownFolder(t);
  const environment = { listen: '127.0.0.1:0', exposeServer: true, health: { interval: '200ms', timeout: '1s' } };
  const config = {
    control: { listen: '127.0.0.1:0' },
    environments: { production: environment, ...environments },
    ...settings,
  };
  writeFileSync(join(folder, 'sluice.json'), JSON.stringify(config));
  const process = SluiceProcess.start(t, ['serve', '--config', 'sluice.json'], { folder, env });
  const address = String((await process.logged((line) => line.msg === 'serving' && line['environment'] === 'production'))['listen']);
  const control = String((await process.logged((line) => line.msg === 'control'))['control']);
  return { process, address, control, api: (method, path, body) => callApi(control, method, path, body) };
}

/** Starts `sluice gateway`; settles when it listens. */
export async function startGateway(t: Test, id: string, joinUrl: string, more: readonly string[] = ['--environment', 'production']): Promise<SluiceProcess> {
  const process = SluiceProcess.start(t, ['gateway', '--join', joinUrl, '--id', id, ...more], { folder: ownFolder(t), env });
  await process.logged((line) => line.msg === 'gateway listens');
  return process;
}

/** A folder for one process; `t.testdir()` is one for the whole test, and emptied at each call. */
function ownFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-flow-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A target that answers with what it was sent; counts POSTs by path, so that doubles are seen. */
export async function startTarget(t: Test): Promise<{ url: string; posts: Map<string, number> }> {
  const posts = new Map<string, number>();
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    const path = (request.url ?? '').slice(1);
    if (request.method === 'POST') posts.set(path, (posts.get(path) ?? 0) + 1);
    response.end(`${request.method} ${path} ${body}`);
  });
  server.keepAliveTimeout = 120_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, posts };
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

/** Asks again and again, as fast as it is answered, until `holds`; for what is nobody's event. */
export async function eventually<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
  }
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
