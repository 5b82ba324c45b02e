import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { haproxy } from '../contenders/haproxy.ts';
import { startBalancer, startGateway } from '../contenders/sluice.ts';
import { runLoad } from '../load.ts';
import { startUpstreams } from '../nginx-upstreams.ts';
import type { Launched } from '../processes.ts';
import { cpuSeconds } from '../usage.ts';
import { smallAnswer } from '../workloads.ts';
import { luaNginx } from './lua-nginx.ts';
import { deployMany } from './many-projects.ts';
import { keyAndLimit, type Row, rowsIn, theKey } from './rows.ts';

/** One side of a comparison. */
export interface Side {
  /** Runs the load once. Resolves with the CPU microseconds of each request. */
  cost(): Promise<number>;
}

/** Two sides that are measured in turn. */
export interface Pair {
  readonly name: string;
  readonly before: Side;
  readonly after: Side;
  /** Largest ratio of `after` to `before` that meets the goal. */
  readonly goal?: number | undefined;
  /** The thing that `before` is, for a goal. */
  readonly unit: string;
}

/** Place of the measurements. */
export interface Place {
  readonly folder: string;
  /** Seconds of one load. */
  readonly seconds: number;
  /** Number of projects on the server that has many. */
  readonly projects: number;
  readonly progress: (text: string) => void;
}

/** A comparison with something that is no policy. */
export interface Comparison {
  readonly name: string;
  start(place: Place): Promise<{ readonly pair: Pair; stop(): Promise<void> } | { readonly missing: string }>;
}

/** The servers are on processor 0, load and upstreams on processor 1. */
const [serverCpu, loadCpu] = [0, 1];

const plain = { path: '/row-00' };
const cached = { path: '/cached', policies: { proxyRequest: [{ cache: {} }] } };

interface Request {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly paths?: readonly string[];
}

function sideOf(server: { readonly port: number; readonly process: Launched }, { path, headers = {}, paths }: Request, place: Place): Side {
  return {
    async cost() {
      const before = cpuSeconds([server.process]);
      const answered = { method: 'GET', path, headers, bodyBytes: 0, answerBytes: smallAnswer.length } as const;
      const workload = { ...answered, name: 'policies', title: path, accessLog: false, connections: 'plain' } as const;
      const { requests } = await runLoad(server.port, workload, { folder: place.folder, cpu: loadCpu, seconds: place.seconds, paths });
      return ((cpuSeconds([server.process]) - before) * 1e6) / requests;
    },
  };
}

/** A gateway server with a project at `/`, and what else it needs. */
async function startGatewayWith(resources: readonly object[], { folder }: Place) {
  const upstreams = await startUpstreams(join(folder, 'upstreams'), loadCpu);
  const balancer = await startBalancer({ folder, upstreams: [], cpu: undefined, accessLog: false });
  const gateway = await startGateway(balancer, { folder, cpu: serverCpu, upstreams: upstreams.ports.slice(0, 1) }, { resources });
  const stop = async () => {
    for (const part of [gateway.process, balancer.process]) await part.stop();
    await upstreams.stop();
  };
  return { upstreams, gateway, stop };
}

/** The pairs of requests without and with a policy. All paths have the same length, for a longer one costs more by itself. */
export async function policyPairs(rows: readonly Row[], place: Place): Promise<{ pairs: Pair[]; stop(): Promise<void> }> {
  if (rows.length === 0) return { pairs: [], stop: async () => {} };
  const pathOf = (row: Row) => `/row-${String(rows.indexOf(row) + 1).padStart(2, '0')}`;
  const resources = [plain, ...rows.map((row) => ({ path: pathOf(row), policies: row.policies })), { path: '/' }];
  const { gateway, stop } = await startGatewayWith(resources, place);
  const pairs = rows.map((row) => ({
    name: row.name,
    // The request without the policy has the same fields, whose reading is no cost of the policy.
    before: sideOf(gateway, { ...plain, headers: row.headers }, place),
    after: sideOf(gateway, { path: pathOf(row), headers: row.headers }, place),
    goal: row.goal,
    unit: '× plain',
  }));
  return { pairs, stop };
}

const engine: Comparison = {
  name: 'engine',
  async start(place) {
    const { upstreams, gateway, stop } = await startGatewayWith([plain, { path: '/' }], place);
    const folder = join(place.folder, 'engine');
    const forward = await startBalancer({ folder, upstreams: upstreams.ports.slice(0, 1), cpu: serverCpu, accessLog: false });
    const pair = {
      name: "plain project beside the engine's own forward",
      before: sideOf(forward, plain, place),
      after: sideOf(gateway, plain, place),
      goal: 1.05,
      unit: '× the engine',
    };
    return { pair, stop: () => forward.process.stop().then(stop) };
  },
};

const cache: Comparison = {
  name: 'cache',
  async start(place) {
    const found = haproxy.available();
    if ('missing' in found) return found;
    const { upstreams, gateway, stop } = await startGatewayWith([cached, { path: '/' }], place);
    const peer = await haproxy.start({ upstreams: upstreams.ports.slice(0, 1), folder: place.folder, cpu: serverCpu, accessLog: false });
    const pair = {
      name: "cache hit beside HAProxy's forward",
      before: sideOf({ port: peer.port, process: peer.processes[0] as Launched }, cached, place),
      after: sideOf(gateway, cached, place),
      goal: 0.7,
      unit: '× HAProxy',
    };
    return { pair, stop: () => peer.stop().then(stop) };
  },
};

const lua: Comparison = {
  name: 'lua',
  async start(place) {
    const found = luaNginx.available();
    if ('missing' in found) return found;
    const row = rowsIn(place.folder).find(({ name }) => name === keyAndLimit) as Row;
    const { upstreams, gateway, stop } = await startGatewayWith([{ path: '/row-00', policies: row.policies }, { path: '/' }], place);
    const folder = join(place.folder, 'nginx');
    mkdirSync(folder, { recursive: true });
    const peer = await luaNginx.start({ upstreams: upstreams.ports.slice(0, 1), folder, cpu: serverCpu, accessLog: false });
    const request = { ...plain, headers: { 'x-api-key': theKey } };
    const pair = {
      name: `${keyAndLimit} beside nginx with Lua`,
      before: sideOf({ port: peer.port, process: peer.processes[0] as Launched }, request, place),
      after: sideOf(gateway, request, place),
      goal: 1.1,
      unit: '× nginx with Lua',
    };
    return { pair, stop: () => peer.stop().then(stop) };
  },
};

const few = 10;

const projects: Comparison = {
  name: 'projects',
  async start(place) {
    const { upstreams, stop } = await startGatewayWith([{ path: '/' }], place);
    const upstream = upstreams.ports[0] as number;
    const servers = await Promise.all(
      [few, place.projects].map(async (count) => {
        const folder = join(place.folder, `projects-${count}`);
        const balancer = await startBalancer({ folder, upstreams: [], cpu: undefined, accessLog: false });
        place.progress(`${count} projects are deployed…`);
        const paths = await deployMany(balancer, count, upstream);
        const gateway = await startGateway(balancer, { folder, cpu: serverCpu, upstreams: [upstream] });
        return { balancer, gateway, side: sideOf(gateway, { path: paths[0] as string, paths }, place) };
      }),
    );
    const [before, after] = servers.map(({ side }) => side) as [Side, Side];
    const pair = {
      name: `${place.projects} projects with ${place.projects * 10} resources beside ${few} projects`,
      before,
      after,
      goal: 1.1,
      unit: `× ${few} projects`,
    };
    const end = async () => {
      for (const { gateway, balancer } of servers) for (const part of [gateway, balancer]) await part.process.stop();
      await stop();
    };
    return { pair, stop: end };
  },
};

/** The comparisons, in the order in which they are measured. */
export const comparisons: readonly Comparison[] = [engine, cache, lua, projects];
