import { compileProject } from '../src/gateway/compiled-project.ts';
import { ProjectTable } from '../src/gateway/project-table.ts';
import { project } from '../src/model/project.ts';
import { policyServices } from '../test/tools/policy-services.ts';
import { nanosecondsInTurn } from './nanoseconds.ts';

export const projectCounts = [10, 100, 1000, 10_000] as const;

/** Number of different paths requested in turn, so that branch prediction does not help. */
const paths = 4096;
/** Number of projects that get requests in the first measurement. */
const busy = 10;

/**
 * Measures the nanoseconds of finding the project and resource of a request, for each number of projects, in two ways. With requests for ten
 * projects, the figures show how the cost of the search grows. With requests for all projects in random order, they also contain CPU cache
 * misses, which a gateway pays only for the projects that get requests. All are measured in turn.
 */
export function measureFinding(): ReadonlyMap<string, readonly number[]> {
  const searches = projectCounts.flatMap((count) => {
    const compiled = Array.from({ length: count }, (_, index) => compile(index));
    const table = new ProjectTable(compiled);
    return [searchIn(table, count, busy), searchIn(table, count, count)];
  });
  const costs = nanosecondsInTurn(searches);
  return new Map([
    [`${busy} of them in use`, costs.filter((_, index) => index % 2 === 0)],
    ['all of them in use', costs.filter((_, index) => index % 2 === 1)],
  ]);
}

/** Asks for paths of `used` of the projects in turn. */
function searchIn(table: ProjectTable, count: number, used: number): () => void {
  const asked = Array.from({ length: paths }, (_, index) => `${basePath(Math.imul(index % used, 7919) % count)}/items/${index}`);
  let turn = 0;
  return () => {
    turn = (turn + 1) % paths;
    if (typeof table.find(asked[turn] as string, '?page=2', 'GET') === 'string') throw new Error(`${asked[turn]} was not found`);
  };
}

function compile(index: number) {
  const resources = [{ path: '/items/{id}', methods: ['GET'] }, { path: '/items', methods: ['GET', 'POST'] }, { path: '/status' }];
  const targets = { default: { url: 'http://127.0.0.1:1' } };
  const parsed = project.parse({ name: `p${index}`, basePath: basePath(index), targets, resources });
  const options = { origin: { epoch: 'bench', variables: {} }, services: policyServices() };
  return compileProject({ name: parsed.name, revision: 1, project: parsed }, options);
}

function basePath(index: number): string {
  return `/team-${index % 97}/service-${index}/v1`;
}
