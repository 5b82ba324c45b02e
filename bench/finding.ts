import { compileProject } from '../src/gateway/compile.ts';
import { ProjectTable } from '../src/gateway/project-table.ts';
import { project } from '../src/model/project.ts';
import { nanoseconds } from './operation.ts';

export const projectCounts = [10, 100, 1000, 10_000] as const;

/** Paths asked for in turn, so that no branch is always the same. */
const paths = 512;

/** Nanoseconds of finding project and resource of a request, one a count of projects. */
export function measureFinding(): readonly number[] {
  return projectCounts.map((count) => costOf(count));
}

function costOf(count: number): number {
  const resources = [{ path: '/items/{id}', methods: ['GET'] }, { path: '/items', methods: ['GET', 'POST'] }, { path: '/status' }];
  const targets = { default: { url: 'http://127.0.0.1:1' } };
  const options = { origin: { epoch: 'bench', variables: {} }, random: Math.random };
  const compiled = Array.from({ length: count }, (_, index) => {
    const parsed = project.parse({ name: `p${index}`, basePath: basePath(index), targets, resources });
    return compileProject({ name: parsed.name, revision: 1, project: parsed }, options);
  });
  const table = new ProjectTable(compiled);
  const asked = Array.from({ length: paths }, (_, index) => `${basePath(Math.imul(index, 7919) % count)}/items/${index}`);
  let turn = 0;
  return nanoseconds(() => {
    turn = (turn + 1) % paths;
    if (typeof table.find(asked[turn] as string, '?page=2', 'GET') === 'string') throw new Error(`${asked[turn]} was not found`);
  });
}

function basePath(index: number): string {
  return `/team-${index % 97}/service-${index}/v1`;
}
