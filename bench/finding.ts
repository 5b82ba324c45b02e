import { compileProject } from '../src/gateway/compiled-project.ts';
import { ProjectTable } from '../src/gateway/project-table.ts';
import { project } from '../src/model/project.ts';
import { nanoseconds } from './nanoseconds.ts';

export const projectCounts = [10, 100, 1000, 10_000] as const;

/** Number of different paths requested in turn, so that branch prediction does not help. */
const paths = 4096;
/** Number of projects that get requests in the first measurement. */
const busy = 10;

/**
 * Measures the nanoseconds of finding the project and resource of a request, for each number of projects, in two ways. With requests for ten
 * projects, the figures show how the cost of the search grows. With requests for all projects in random order, they also contain CPU cache
 * misses, which a gateway pays only for the projects that get requests.
 */
export function measureFinding(): ReadonlyMap<string, readonly number[]> {
  const rows: [string, number[]][] = [
    [`${busy} of them in use`, []],
    ['all of them in use', []],
  ];
  for (const count of projectCounts) {
    const compiled = Array.from({ length: count }, (_, index) => compile(index));
    rows[0]?.[1].push(costOf(compiled, busy));
    rows[1]?.[1].push(costOf(compiled, count));
  }
  return new Map(rows);
}

function costOf(compiled: readonly ReturnType<typeof compile>[], used: number): number {
  const table = new ProjectTable(compiled);
  const asked = Array.from({ length: paths }, (_, index) => `${basePath(Math.imul(index % used, 7919) % compiled.length)}/items/${index}`);
  let turn = 0;
  return nanoseconds(() => {
    turn = (turn + 1) % paths;
    if (typeof table.find(asked[turn] as string, '?page=2', 'GET') === 'string') throw new Error(`${asked[turn]} was not found`);
  });
}

function compile(index: number) {
  const resources = [{ path: '/items/{id}', methods: ['GET'] }, { path: '/items', methods: ['GET', 'POST'] }, { path: '/status' }];
  const targets = { default: { url: 'http://127.0.0.1:1' } };
  const parsed = project.parse({ name: `p${index}`, basePath: basePath(index), targets, resources });
  const options = { origin: { epoch: 'bench', variables: {} }, random: Math.random };
  return compileProject({ name: parsed.name, revision: 1, project: parsed }, options);
}

function basePath(index: number): string {
  return `/team-${index % 97}/service-${index}/v1`;
}
