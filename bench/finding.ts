import { compileProject } from '../src/gateway/compile.ts';
import { ProjectTable } from '../src/gateway/project-table.ts';
import { project } from '../src/model/project.ts';
import { nanoseconds } from './operation.ts';

export const projectCounts = [10, 100, 1000, 10_000] as const;

/** Paths asked for in turn, so that no branch is always the same. */
const paths = 4096;
/** Projects that get requests in the first of the two measurements. */
const busy = 10;

/**
 * Nanoseconds of finding project and resource of a request, one a count of projects, in two ways. When always the same ten projects are
 * asked for, it is the search that grows or does not. When all are asked for in turn, in no order of their own, what any search looks at
 * has to come from ever further away: that is the price of memory, which a gateway pays only for the projects that are really in use.
 */
export function measureFinding(): ReadonlyMap<string, readonly number[]> {
  const rows: [string, number[]][] = [
    [`one of ${busy} that are in use`, []],
    ['any', []],
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
