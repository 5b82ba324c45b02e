import t from 'tap';
import { BasePaths } from '../../src/routing/base-paths.ts';
import { PackedRoutes } from '../../src/routing/packed-routes.ts';
import { type ResourceEntry, ResourceTree } from '../../src/routing/resource-tree.ts';
import fc from '../tools/fast-check.ts';

interface Project {
  readonly basePath: string;
  readonly forwardBasePath: boolean;
  readonly resources: ResourceTree<object>;
}

type Resource = Omit<ResourceEntry<object>, 'value'>;

function projectAt(basePath: string, forwardBasePath: boolean, entries: readonly Resource[]): Project {
  const resources = new ResourceTree<object>();
  for (const entry of entries) {
    try {
      resources.add({ ...entry, value: { basePath, ...entry } });
    } catch (error) {
      // Two resources for one path and method.
      if (!(error instanceof TypeError)) throw error;
    }
  }
  return { basePath, forwardBasePath, resources };
}

/** The resource and the forwarded part that the projects themselves yield. */
function searched(basePaths: BasePaths<Project>, path: string, method: string) {
  const project = basePaths.longestOf(path);
  const from = project === undefined || project.basePath === '/' ? 0 : project.basePath.length;
  const found = project?.resources.find(path, method, from);
  return project && found && 'value' in found ? { value: found.value, tailStart: project.forwardBasePath ? 0 : from } : undefined;
}

/** Segments as they stand in the target of a request, which has no other characters than US-ASCII. */
const word = fc.constantFrom('a', 'b', 'ab', 'items', 'item', 'x-y', '%C3%A9', '%C5%A1');
const segment = fc.oneof(
  { weight: 4, arbitrary: fc.oneof({ weight: 3, arbitrary: word }, fc.constantFrom('é', 'š')) },
  { weight: 2, arbitrary: fc.constant('{id}') },
  fc.constantFrom('v{n}', '%41', '{a}.{b}'),
);
const pathOf = (of: fc.Arbitrary<string>, maxLength: number) => fc.array(of, { maxLength }).map((segments) => `/${segments.join('/')}`);
const methods = fc.option(
  fc.subarray(['GET', 'POST', 'PUT', 'REPORT']).filter((list) => list.length > 0),
  { nil: undefined },
);
const resource: fc.Arbitrary<Resource> = fc.record({ path: pathOf(segment, 4), methods, childPaths: fc.boolean() });
const basePath = pathOf(word, 3);
const change = fc.record({
  basePath,
  forwardBasePath: fc.boolean(),
  resources: fc.option(fc.array(resource, { maxLength: 8 }), { nil: undefined }),
});
const asked = fc.record({
  path: fc
    .tuple(pathOf(fc.oneof({ weight: 6, arbitrary: word }, fc.constantFrom('v1', '%41', 'A', '', '%C5%A1c')), 7), fc.boolean())
    .map(([path, slash]) => (slash ? `${path}/` : path)),
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'get', 'REPORT', 'OPTIONS'),
});

t.test('a resource that is found among the packed ones is the one that the projects themselves yield', (t) => {
  let found = 0;
  fc.assert(
    fc.property(
      fc.array(change, { minLength: 1, maxLength: 20 }),
      fc.array(asked, { minLength: 20, maxLength: 60 }),
      (changes, requests) => {
        const basePaths = new BasePaths<Project>();
        const packed = new PackedRoutes<Project, object>(basePaths);
        for (const { basePath, forwardBasePath, resources } of changes) {
          if (resources === undefined) {
            basePaths.delete(basePath);
            packed.delete(basePath);
          } else {
            const project = projectAt(basePath, forwardBasePath, resources);
            basePaths.set(project);
            packed.set(project);
          }
          for (const { path, method } of requests) {
            const value = packed.find(path, method);
            if (value === null && basePaths.longestOf(path) !== undefined) throw new Error(`${path} has a project`);
            if (value == null) continue;
            found++;
            const expected = searched(basePaths, path, method);
            if (value !== expected?.value || packed.tailStart !== expected.tailStart)
              throw new Error(
                `${method} ${path}: ${JSON.stringify(value)} from ${packed.tailStart}, instead of ${JSON.stringify(expected)}`,
              );
          }
        }
      },
    ),
    { numRuns: 300 },
  );
  t.ok(found > 1000, `${found} were found`);
  t.end();
});

t.test('among thousands of projects that come, change and go, each request for one that is served is found there', (t) => {
  const basePaths = new BasePaths<Project>();
  const packed = new PackedRoutes<Project, object>(basePaths);
  const entries: Resource[] = [
    { path: '/items/{id}', methods: ['GET'], childPaths: false },
    { path: '/items', childPaths: true },
    { path: '/', childPaths: false },
  ];
  const served = new Map<string, Project>();
  for (let step = 0; step < 30_000; step++) {
    const basePath = `/team-${(step * 7919) % 13}/service-${(step * 104_729) % 3000}`;
    if (step % 3 === 2) {
      served.delete(basePath);
      basePaths.delete(basePath);
      packed.delete(basePath);
    } else {
      const project = projectAt(basePath, step % 2 === 0, entries);
      served.set(basePath, project);
      basePaths.set(project);
      packed.set(project);
    }
  }
  let wrong = 0;
  for (const [basePath, project] of served) {
    for (const [path, method] of [
      [`${basePath}/items/7`, 'GET'],
      [`${basePath}/items/7/8`, 'PUT'],
      [`${basePath}/`, 'HEAD'],
    ] as const) {
      const from = basePath.length;
      const expected = project.resources.find(path, method, from);
      const value = packed.find(path, method);
      if (value === undefined || !(expected && 'value' in expected) || value !== expected.value) wrong++;
      if (packed.tailStart !== (project.forwardBasePath ? 0 : from)) wrong++;
    }
  }
  t.ok(served.size > 1000, `${served.size} are served`);
  t.equal(wrong, 0);
  for (const basePath of [...served.keys()]) {
    basePaths.delete(basePath);
    packed.delete(basePath);
    if (packed.find(`${basePath}/items/7`, 'GET') != null) wrong++;
  }
  t.equal(wrong, 0, 'none is found after it has gone');
  t.end();
});
