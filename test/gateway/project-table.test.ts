import t from 'tap';
import { type CompiledProject, compileProject } from '../../src/gateway/compiled-project.ts';
import { ProjectTable } from '../../src/gateway/project-table.ts';
import fc from '../tools/fast-check.ts';
import { policyServices } from '../tools/policy-services.ts';
import { deployed } from './samples.ts';

function compiled(
  basePath: string,
  rest: { forwardBasePath?: boolean; resources?: { path: string; methods?: string[] }[] } = {},
): CompiledProject {
  const options = { origin: { epoch: 'e', variables: {} }, services: policyServices() };
  return compileProject(deployed({ name: 'p', basePath, ...rest }), options);
}

function tail(table: ProjectTable, path: string, query = '', method = 'GET'): string {
  const found = table.find(path, query, method);
  if (typeof found === 'string') return found;
  return 'allowed' in found ? `405 ${[...found.allowed].join(',')}` : found.tail;
}

t.test('the longest base path of whole segments wins', async (t) => {
  const table = new ProjectTable([
    compiled('/pets', { forwardBasePath: true }),
    compiled('/pets/v2'),
    compiled('/a%62c', { resources: [{ path: '/x', methods: ['GET'] }] }),
    compiled('/very/long/base/path/of/some/project'),
  ]);
  t.equal(tail(table, '/pets'), '/pets');
  t.equal(tail(table, '/pets/7', '?a=1'), '/pets/7?a=1');
  t.equal(tail(table, '/pets/v2', '?a=1'), '?a=1');
  t.equal(tail(table, '/pets/v2/'), '/');
  t.equal(tail(table, '/pets/v2/7'), '/7');
  t.equal(tail(table, '/pets/v22'), '/pets/v22');
  t.equal(tail(table, '/petstore'), 'no-project');
  t.equal(tail(table, '/Pets'), 'no-project');
  t.equal(tail(table, '/'), 'no-project');
  t.equal(tail(table, '/abc/x'), '/x', 'base paths are normalised');
  t.equal(tail(table, '/abc/y'), 'no-resource');
  t.equal(tail(table, '/abc/x', '', 'POST'), '405 GET,HEAD');
  t.equal(tail(table, '/very/long/base/path/of/some/project/x'), '/x');
});

t.test('base path / takes all other paths', async (t) => {
  const table = new ProjectTable([compiled('/'), compiled('/a/b')]);
  t.equal(tail(table, '/'), '/');
  t.equal(tail(table, '/a/bc'), '/a/bc');
  t.equal(tail(table, '/a/b/c'), '/c');
  t.equal(tail(new ProjectTable([]), '/'), 'no-project');
});

t.test('finds the same as a comparison with every base path', async () => {
  const path = fc.array(fc.constantFrom('a', 'ab', 'b'), { maxLength: 5 }).map((parts) => `/${parts.join('/')}`);
  const bases = fc.uniqueArray(path, { maxLength: 6 });
  fc.assert(
    fc.property(bases, path, fc.constantFrom('', '/'), (all, given, end) => {
      const requested = given === '/' ? given : given + end;
      const best = all
        .filter((base) => base === '/' || requested === base || requested.startsWith(`${base}/`))
        .sort((one, other) => other.length - one.length)[0];
      const wanted = best === undefined ? 'no-project' : best === '/' ? requested : requested.slice(best.length);
      const table = new ProjectTable(all.map((base) => compiled(base)));
      if (tail(table, requested) !== wanted) throw new Error(`${requested} in ${all}: ${tail(table, requested)}, wanted ${wanted}`);
    }),
    { numRuns: 1000 },
  );
});

t.test('the cost of a lookup is bounded by the longest base path', async (t) => {
  let reads = 0;
  const { charCodeAt } = String.prototype;
  const table = new ProjectTable([compiled('/a/b/c'), compiled('/d')]);
  const path = '/x'.repeat(16_000);
  String.prototype.charCodeAt = function (index) {
    reads++;
    return charCodeAt.call(this, index);
  };
  t.teardown(() => {
    String.prototype.charCodeAt = charCodeAt;
  });
  const found = table.find(path, '', 'GET');
  String.prototype.charCodeAt = charCodeAt;
  t.equal(found, 'no-project');
  t.ok(reads > 0 && reads <= '/a/b/c/'.length, `${reads} characters were read`);
});

t.test('each of thousands of base paths is found, and other paths are not', async (t) => {
  const bases = Array.from({ length: 3000 }, (_, index) => `/team-${index % 97}/service-${index}${index % 3 === 0 ? '/v1' : ''}`);
  const table = new ProjectTable(bases.map((base) => compiled(base)));
  t.ok(bases.every((base) => tail(table, `${base}/x`) === '/x' && tail(table, base) === ''));
  t.ok(bases.every((base) => table.projectOf(`${base}/x`)?.basePath === base));
  t.ok(bases.every((base) => tail(table, `${base}x`) === 'no-project' && tail(table, base.replace('service', 'Service')) === 'no-project'));
});
