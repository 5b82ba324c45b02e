import fc from 'fast-check';
import t from 'tap';
import { type CompiledProject, compileProject } from '../../src/gateway/compile.ts';
import { ProjectTable } from '../../src/gateway/project-table.ts';
import { deployed } from './samples.ts';

function compiled(
  basePath: string,
  rest: { forwardBasePath?: boolean; resources?: { path: string; methods?: string[] }[] } = {},
): CompiledProject {
  const options = { origin: { epoch: 'e', variables: {} }, random: () => 0 };
  return compileProject(deployed({ name: 'p', basePath, ...rest }), options);
}

function tail(table: ProjectTable, path: string, query = '', method = 'GET'): string {
  const found = table.find(path, query, method);
  if (typeof found === 'string') return found;
  return 'allowed' in found ? `405 ${[...found.allowed].join(',')}` : found.tail;
}

t.test('the longest base path wins, and it ends where a segment ends', async (t) => {
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

t.test('base path / takes what is left', async (t) => {
  const table = new ProjectTable([compiled('/'), compiled('/a/b')]);
  t.equal(tail(table, '/'), '/');
  t.equal(tail(table, '/a/bc'), '/a/bc');
  t.equal(tail(table, '/a/b/c'), '/c');
  t.equal(tail(new ProjectTable([]), '/'), 'no-project');
});

t.test('the same as comparing with every base path', async () => {
  const path = fc.array(fc.constantFrom('a', 'ab', 'b'), { maxLength: 5 }).map((parts) => `/${parts.join('/')}`);
  const bases = fc.uniqueArray(path, { maxLength: 6 });
  fc.assert(
    fc.property(bases, path, fc.constantFrom('', '/'), (all, given, end) => {
      const asked = given === '/' ? given : given + end;
      const best = all
        .filter((base) => base === '/' || asked === base || asked.startsWith(`${base}/`))
        .sort((one, other) => other.length - one.length)[0];
      const wanted = best === undefined ? 'no-project' : best === '/' ? asked : asked.slice(best.length);
      const table = new ProjectTable(all.map((base) => compiled(base)));
      if (tail(table, asked) !== wanted) throw new Error(`${asked} in ${all}: ${tail(table, asked)}, wanted ${wanted}`);
    }),
    { numRuns: 1000 },
  );
});

t.test('a long path costs no more prefixes than the longest base path has', async (t) => {
  let lookups = 0;
  const get = Map.prototype.get;
  const table = new ProjectTable([compiled('/a/b/c'), compiled('/d')]);
  Map.prototype.get = function (key) {
    lookups++;
    return get.call(this, key);
  };
  t.teardown(() => {
    Map.prototype.get = get;
  });
  const found = table.find('/x'.repeat(16_000), '', 'GET');
  Map.prototype.get = get;
  t.equal(found, 'no-project');
  t.ok(lookups <= 4, `${lookups} look-ups`);
});
