import { LocalDataPlane } from '../../../src/balancer/local-data-plane.ts';
import { compileProject } from '../../../src/gateway/compiled-project.ts';
import { GatewayHandler } from '../../../src/gateway/gateway-handler.ts';
import { ProjectTable } from '../../../src/gateway/project-table.ts';
import type { ProjectInput } from '../../../src/model/project.ts';
import { deployed } from '../../gateway/samples.ts';
import { FakeExchange } from '../../tools/fake-exchange.ts';
import { silentLogger } from '../../tools/fake-logger.ts';
import { policyServices } from '../../tools/policy-services.ts';

/** A project of the properties: its resources, the most specific first, and the path of its target. */
export interface World {
  readonly basePath: string;
  readonly prefix: string;
  readonly resources: readonly { readonly path: string; readonly childPaths?: boolean }[];
}

const admin = { path: '/admin', childPaths: true };
const keys = { path: '/admin/{id}/keys' };
const one = { path: '/admin/{id}' };
const files = { path: '/files/{name}' };
const spaced = { path: '/a%40b' };
const open = { path: '/', childPaths: true };

/** Field that a policy of each resource adds to the request: its values tell whose policies ran. */
const mark = 'x-ran';

const worlds: readonly (World & { readonly settings: Partial<ProjectInput> })[] = [
  { basePath: '/', prefix: '', resources: [admin, files, open], settings: { encodedSlashes: 'keep' } },
  { basePath: '/p', prefix: '/api', resources: [keys, one, admin, files, spaced, open], settings: {} },
  { basePath: '/q', prefix: '', resources: [keys, one, admin, files, spaced, open], settings: { encodedSlashes: 'keep' } },
  { basePath: '/r', prefix: '/api/v1', resources: [one, files, { path: '/open' }], settings: { encodedSlashes: 'keep' } },
  { basePath: '/s', prefix: '', resources: [one, admin, files, open], settings: { encodedSlashes: 'keep', mergeSlashes: false } },
  { basePath: '/p@t', prefix: '', resources: [admin, open], settings: { mergeSlashes: false } },
];

const compiled = worlds.map(({ basePath, prefix, resources, settings }, index) =>
  compileProject(
    deployed({
      name: `project-${index}`,
      basePath,
      targets: { default: { url: `http://127.0.0.1:9${prefix}` } },
      resources: resources.map(({ path, childPaths = false }) => ({
        path,
        childPaths,
        policies: { proxyRequest: [{ headers: { add: { [mark]: path } } }] },
      })),
      ...settings,
    }),
    { origin: { epoch: 'e', variables: {} }, services: policyServices() },
  ),
);
const handler = new GatewayHandler({ table: new ProjectTable(compiled), ready: true }, silentLogger);

const dataPlane = new LocalDataPlane({
  logger: silentLogger,
  random: () => 0,
  open: () => Promise.reject(new Error('no listener')),
} as unknown as ConstructorParameters<typeof LocalDataPlane>[0]);

/** A request that a gateway forwards: what the target gets, the project, and the paths of the resources whose policies ran. */
export interface Forwarded {
  readonly target: string;
  readonly world: World;
  readonly ran: ReadonlySet<string>;
}

/** Sends a request to the gateway: what it forwards, or the code of its refusal. */
export function throughGateway(target: string): Forwarded | string {
  const exchange = new FakeExchange('GET', target);
  handler.request(exchange);
  const { route } = exchange;
  if (route === undefined) return exchange.failure?.code ?? `${exchange.answer?.status}`;
  const upstream = route.pick(exchange, []);
  const index = compiled.findIndex(({ upstreams }) => [...upstreams.values()].includes(upstream as never));
  const sent = upstream && route.rewrite?.(exchange, upstream)?.target;
  return { target: sent ?? '', world: worlds[index] as World, ran: new Set(exchange.request.headers.all(mark)) };
}

/** True if the balancer refuses the request because its path is reserved. */
export function refusedByBalancer(target: string): boolean {
  const exchange = new FakeExchange('GET', target);
  dataPlane.request(exchange);
  return exchange.failure?.code === 'not-found';
}

/** Base paths of all projects but the one at the top. */
export const basePaths: readonly string[] = worlds.map(({ basePath }) => basePath.slice(1)).filter((name) => name !== '');

/** The path of the resource that an application reads these segments as; undefined: none. */
export function resourceOf({ resources }: World, segments: readonly string[]): string | undefined {
  const read = segments.filter((segment, index) => segment !== '' || index < segments.length - 1);
  return resources.find(({ path, childPaths }) => {
    const wanted = path
      .split('/')
      .filter((segment) => segment !== '')
      .map((segment) => segment.replace('%40', '@'));
    if (read.length < wanted.length || (read.length > wanted.length && !childPaths)) return false;
    return wanted.every((segment, index) => (segment.startsWith('{') ? read[index] !== '' : segment === read[index]));
  })?.path;
}
