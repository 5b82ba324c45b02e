import { pino } from 'pino';
import type { Test } from 'tap';
import { createAuthorizer } from '../../src/control/access/authorizer.ts';
import { type SessionKey, sessionKeys } from '../../src/control/access/sessions.ts';
import { type Control, startControl } from '../../src/control/control.ts';
import type { Page } from '../../src/control/routes/page-routes.ts';
import type { UpgradeHandler } from '../../src/control/upgrade-router.ts';
import type { ServerReader } from '../../src/control/views/usage-reads.ts';
import { explainRequest } from '../../src/gateway/explain-request.ts';
import { type Clock, systemClock } from '../../src/model/clock.ts';
import { noServerCounts } from '../../src/model/counts.ts';
import type { JoinRequest } from '../../src/model/join.ts';
import type { LiveServer, LiveView } from '../../src/model/live.ts';
import type { Registry } from '../../src/registry/contract.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { type Files, ownFolder } from '../tools/own-folder.ts';

export const tokens = { admin: 'admin-token-of-the-tests', join: 'join-token-of-the-tests' };

/** A real control on a free port over a real embedded registry. Tests supply the balancer's view. */
export interface ControlUnderTest {
  readonly control: Control;
  readonly registry: Registry;
  /** Contains the files of `options.files`. */
  readonly folder: string;
  /** Servers of the balancer's view; tests add them. */
  readonly live: LiveServer[];
  /** True while the balancer can serve; true at first. */
  ready: boolean;
  /** Bound addresses of the balancer's view, by environment; at first only that of `production`. */
  readonly listening: Map<string, string>;
  /** All lines logged so far. */
  readonly log: string[];
  /** Paths of the upgrade requests that reached the registration endpoint. */
  readonly joins: string[];
  /** Sends a request, with the admin token unless `headers` has another `authorization`. */
  ask(method: string, path: string, options?: { body?: unknown; type?: string; headers?: Record<string, string> }): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of every shape
  readonly body: any;
}

export async function controlUnderTest(
  t: Test,
  options: {
    files?: Files;
    clock?: Clock;
    page?: Page;
    sessionKeys?: () => readonly SessionKey[];
    journalFile?: string;
    trustedProxies?: string[];
    /** Answers of gateway servers; default: there are none. */
    reports?: ServerReader;
    secure?: { cert: string; key: string };
  } = {},
): Promise<ControlUnderTest> {
  const folder = ownFolder(t, options.files ?? {});
  const log: string[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => void log.push(line) });
  const registry = await openRegistry({ url: `embedded:${folder}/registry`, logger });
  const live: LiveServer[] = [];
  const joins: string[] = [];
  const join: UpgradeHandler = {
    upgrade(request, socket) {
      joins.push(request.url ?? '');
      socket.end('HTTP/1.1 401 Unauthorized\r\nconnection: close\r\n\r\n');
    },
    close: async () => undefined,
  };
  const view = {
    ...emptyView,
    servers: () => live,
    serversNamed: (id: string) => live.filter((server) => server.id === id),
    unready: () => (under.ready ? undefined : 'the listeners are not open yet'),
    listening: (environment: string) => under.listening.get(environment),
  };
  const keys = await sessionKeys([tokens.admin]);
  const control = await startControl({
    listen: '127.0.0.1:0',
    registry,
    live: view,
    authorize: createAuthorizer(tokens),
    trustedProxies: options.trustedProxies ?? [],
    join,
    logger,
    version: '0.0.0-test',
    page: options.page,
    ...(options.clock && { clock: options.clock }),
    secure: options.secure,
    reports: options.reports ?? { read: async () => ({ asked: 0, silent: [], unsupported: [] }) },
    explain: (asked, environment) => explainRequest(asked, { ...environment, logger, clock: systemClock, random: () => 0 }),
    sessionKeys: options.sessionKeys ?? (() => keys),
    joinToken: () => tokens.join,
    ...(options.journalFile !== undefined && { journalFile: options.journalFile }),
  });
  t.teardown(async () => {
    await control.close();
    await registry.close();
  });
  const under: ControlUnderTest = {
    control,
    registry,
    folder,
    live,
    ready: true,
    listening: new Map([['production', '127.0.0.1:8080']]),
    log,
    joins,
    async ask(method, path, { body, type = 'application/json', headers = {} } = {}) {
      const sent = body === undefined ? undefined : typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
      const response = await fetch(control.url + path, {
        method,
        headers: { authorization: `Bearer ${tokens.admin}`, ...(sent !== undefined && { 'content-type': type }), ...headers },
        ...(sent !== undefined && { body: sent }),
      });
      const text = await response.text();
      const json = text !== '' && /json/.test(response.headers.get('content-type') ?? '');
      return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text };
    },
  };
  return under;
}

/** Makes the join request of a Sluice gateway. */
export function joinRequest(id: string, environment?: string): JoinRequest {
  return {
    id,
    instance: `${id}-1`,
    ...(environment !== undefined && { environment }),
    address: '127.0.0.1:9101',
    source: 'join',
    version: '0.0.0-test',
    startedAt: 1_700_000_000_000,
    ttl: 60_000,
  };
}

/** The view of a balancer without servers that is not ready. */
export const emptyView: LiveView = {
  servers: () => [],
  serversNamed: () => [],
  checkCounts: () => ({ results: {}, flips: { up: 0, down: 0 }, ejections: {} }),
  isHere: () => false,
  environments: () => [],
  listeners: () => [],
  sync: { at: undefined, failures: 0, reconnects: 0 },
  unready: () => 'the registry has not been read yet',
  listening: () => undefined,
};

/** Makes the balancer's view of one server. */
export function liveServer(id: string, environment: string, more: Partial<LiveServer> = {}): LiveServer {
  return {
    id,
    environment,
    address: '127.0.0.1:9101',
    weight: 1,
    health: 'up',
    ...noServerCounts,
    active: 0,
    upgraded: 0,
    connections: 0,
    idle: 0,
    ...more,
  };
}

/** Makes a project with one target, served under `basePath`. */
export function sampleProject(
  name: string,
  basePath = `/${name}`,
): { name: string; basePath: string; targets: Record<string, { url: string }> } {
  return { name, basePath, targets: { default: { url: 'http://127.0.0.1:9201' } } };
}
