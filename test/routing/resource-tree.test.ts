import t from 'tap';
import { type ResourceEntry, ResourceTree } from '../../src/routing/resource-tree.ts';
import fc from '../tools/fast-check.ts';

type Row = [path: string, methods?: string[] | undefined, childPaths?: boolean];

function treeOf(rows: readonly Row[]): ResourceTree<string> {
  const tree = new ResourceTree<string>();
  for (const [path, methods, childPaths = false] of rows)
    tree.add({ path, methods, childPaths, value: `${path}${childPaths ? '/**' : ''}` });
  return tree;
}

function answer(tree: ResourceTree<string>, method: string, path: string): string | undefined {
  const found = tree.find(path, method);
  if (found === undefined) return undefined;
  return 'allowed' in found ? `405 ${[...found.allowed].join(',')}` : found.value;
}

t.test('octets that are not UTF-8 hide nothing', async (t) => {
  const tree = treeOf([['/caf\u00e9-{x}'], ['/a%E9@b'], ['/', undefined, true]]);
  t.equal(answer(tree, 'GET', '/caf%C3%A9-%FF'), '/caf\u00e9-{x}');
  t.equal(answer(tree, 'GET', '/a%E9%40b'), '/a%E9@b');
});

t.test('the most specific resource wins', async (t) => {
  const tree = treeOf([
    ['/', ['GET']],
    ['/pets', ['GET', 'POST'], true],
    ['/pets/{id}', ['GET', 'DELETE']],
    ['/pets/mine', ['GET']],
    ['/pets/{id}.json'],
    ['/pets/{a}-{b}', ['GET']],
    ['/pets/{id}/photos/{n}', ['PUT']],
    ['/pets/mine/photos', ['GET']],
    ['/users/@me', ['GET']],
    ['/files/a%2Fb', ['GET']],
  ]);
  const cases: [method: string, path: string, found: string | undefined][] = [
    ['GET', '', '/'],
    ['GET', '/', '/'],
    ['GET', '/pets', '/pets/**'],
    ['GET', '/pets/', '/pets/**'],
    ['GET', '/pets/7', '/pets/{id}'],
    ['HEAD', '/pets/7', '/pets/{id}'],
    ['GET', '/pets/7/', '/pets/{id}'],
    ['GET', '/pets/mine', '/pets/mine'],
    ['GET', '/pets/min', '/pets/{id}'],
    ['DELETE', '/pets/mine', '/pets/{id}'],
    ['POST', '/pets/7', '/pets/**'],
    ['GET', '/pets/7.json', '/pets/{id}.json'],
    ['GET', '/pets/.json', '/pets/{id}'],
    ['GET', '/pets/a-b', '/pets/{a}-{b}'],
    ['GET', '/pets/-b', '/pets/{id}'],
    ['PUT', '/pets/7/photos/1', '/pets/{id}/photos/{n}'],
    ['PUT', '/pets/mine/photos/1', '/pets/{id}/photos/{n}'],
    ['GET', '/pets/mine/photos', '/pets/mine/photos'],
    ['GET', '/pets/x/y/z', '/pets/**'],
    ['PATCH', '/pets/x/y/z', '405 GET,POST,HEAD'],
    ['PATCH', '/pets/7', '405 GET,DELETE,HEAD,POST'],
    ['POST', '/', '405 GET,HEAD'],
    ['get', '/', '405 GET,HEAD'],
    ['GET', '/users/%40me', '/users/@me'],
    ['GET', '/files/a%2Fb', '/files/a%2Fb'],
    ['GET', '/files/a/b', undefined],
    ['GET', '/petstore', undefined],
    ['GET', '/Pets', undefined],
    ['GET', '/users', undefined],
  ];
  for (const [method, path, found] of cases) t.equal(answer(tree, method, path), found, `${method} ${path}`);
});

t.test('no methods means every method', async (t) => {
  const tree = treeOf([['/a'], ['/b', undefined, true]]);
  for (const method of ['GET', 'OPTIONS', 'PURGE']) t.equal(answer(tree, method, '/a'), '/a');
  t.equal(answer(tree, 'PUT', '/b/c/d'), '/b/**');
});

t.test('a method in other letter case goes to no resource other than the one in capitals', async (t) => {
  const tree = treeOf([
    ['/admin', ['GET'], true],
    ['/admin', ['PUT']],
    ['/', undefined, true],
  ]);
  for (const method of ['get', 'Get', 'gET', 'head', 'put', 'Put'])
    t.match(tree.find('/admin', method), { allowed: new Set(['GET', 'HEAD', 'PUT']) }, method);
  t.match(tree.find('/admin/x', 'get'), { allowed: new Set(['GET', 'HEAD']) });
  for (const method of ['DELETE', 'delete', 'propfind']) t.equal(answer(tree, method, '/admin'), '//**', `${method} is for every path`);
  for (const method of ['GET', 'get', 'Get']) t.equal(answer(tree, method, '/open'), '//**');
});

t.test('resources with the same path and method, or a malformed path, are refused', async (t) => {
  const refuse = (rows: Row[], pattern: RegExp) => t.throws(() => treeOf(rows), { name: 'TypeError', message: pattern });
  refuse(
    [
      ['/a', ['GET']],
      ['/a', ['POST', 'GET']],
    ],
    /another resource has the path \/a for GET/,
  );
  refuse([['/a'], ['/a', ['POST']]], /for POST/);
  refuse([['/a'], ['/a/']], /for every method/);
  refuse([['/{a}'], ['/{b}']], /another resource/);
  refuse([['/{a}{b}']], /nothing between/);
  refuse([['/{}']], /not a path segment/);
  refuse([['/{a']], /not a path segment/);
  refuse([['/a}']], /not a path segment/);
  refuse([['/{a/b}']], /not a path segment/);
  t.doesNotThrow(() =>
    treeOf([
      ['/a', ['GET']],
      ['/a', ['POST']],
    ]),
  );
});

t.test('a search visits each node at most once', async (t) => {
  // Every literal and every parameter matches; only the last segment decides.
  const tree = new ResourceTree<number>();
  for (let bits = 0; bits < 2 ** 10; bits++) {
    const path = Array.from({ length: 10 }, (_, index) => ((bits >> index) & 1 ? '/a' : '/{x}')).join('');
    tree.add({ path: `${path}/end`, methods: ['GET'], childPaths: false, value: bits });
  }
  t.equal(tree.find(`${'/a'.repeat(10)}/other`, 'GET'), undefined);
  t.match(tree.find(`${'/a'.repeat(10)}/end`, 'GET'), { value: 1023 });
});

t.test('finds the same resource as trying all of them one by one', async () => {
  const segment = fc.constantFrom('a', 'b', '{x}');
  const path = fc.array(segment, { maxLength: 3 }).map((parts) => `/${parts.join('/')}`);
  const methods = fc.constantFrom(undefined, ['GET'], ['POST'], ['GET', 'POST']);
  const places = fc.uniqueArray(fc.record({ path, methods, childPaths: fc.boolean() }), { selector: (place) => place.path, maxLength: 8 });
  const asked = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 4 }).map((parts) => parts.map((part) => `/${part}`).join(''));
  fc.assert(
    fc.property(places, asked, fc.constantFrom('GET', 'HEAD', 'POST', 'PUT'), (rows, target, method) => {
      const tree = new ResourceTree<string>();
      for (const row of rows) tree.add({ ...row, value: row.path });
      const found = tree.find(target, method);
      const fitting = rows.filter((row) => matches(row, target));
      const best = fitting.filter((row) => takes(row, method)).sort(bySpecificity)[0];
      if (best !== undefined) {
        if (found === undefined || 'allowed' in found || found.value !== best.path) throw new Error(`wanted ${best.path}`);
      } else if (fitting.length > 0) {
        const allowed = new Set(fitting.flatMap((row) => row.methods ?? []));
        if (found === undefined || !('allowed' in found)) throw new Error('wanted 405');
        if ([...allowed].some((each) => !found.allowed.has(each))) throw new Error('Allow is not complete');
      } else if (found !== undefined) throw new Error('wanted 404');
    }),
    { numRuns: 3000 },
  );
});

type Plain = Omit<ResourceEntry<string>, 'value'>;

function parts(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}

function matches({ path, childPaths }: Plain, target: string): boolean {
  const wanted = parts(path);
  const given = parts(target);
  if (given.length < wanted.length || (given.length > wanted.length && !childPaths)) return false;
  return wanted.every((part, index) => part === '{x}' || part === given[index]);
}

function takes({ methods }: Plain, method: string): boolean {
  return methods === undefined || methods.includes(method) || (method === 'HEAD' && methods.includes('GET'));
}

function bySpecificity(one: Plain, other: Plain): number {
  const rank = ({ path }: Plain) =>
    `${parts(path)
      .map((part) => (part === '{x}' ? '1' : '0'))
      .join('')}2`;
  return rank(one) < rank(other) ? -1 : 1;
}

t.test('many siblings are told apart, percent-encoded or not', async (t) => {
  for (const count of [7, 8, 9, 10, 300]) {
    const names = Array.from({ length: count }, (_, index) => `n${index}`);
    const tree = treeOf(names.map((name) => [`/${name}`, ['GET']]));
    for (const name of names) t.equal(answer(tree, 'GET', `/${name.replace('n', '%6E')}`), `/${name}`);
    t.ok(names.every((name) => answer(tree, 'GET', `/${name}/`) === `/${name}`));
    t.equal(answer(tree, 'GET', `/n${count}`), undefined);
    t.throws(() => tree.add({ path: '/n3', childPaths: false, value: '' }), /another resource/);
  }
});

t.test('the search may start at any `/` of a path', async (t) => {
  const tree = treeOf([['/'], ['/a/{x}', ['GET']]]);
  const at = (path: string, from: number) => {
    const found = tree.find(path, 'GET', from);
    return found !== undefined && 'value' in found ? found.value : undefined;
  };
  t.equal(at('/base', 5), '/');
  t.equal(at('/base/', 5), '/');
  t.equal(at('/base/a/1', 5), '/a/{x}');
  t.equal(at('/%20/a/1', 4), '/a/{x}');
  t.equal(at('/base/a', 5), undefined);
});
