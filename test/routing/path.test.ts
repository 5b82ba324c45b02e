import fc from 'fast-check';
import t from 'tap';
import { decodeSegment, normalisePath } from '../../src/routing/path.ts';

t.test('a path is normalised or refused', async (t) => {
  const cases: [given: string, normalised: string | undefined][] = [
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/a/b/', '/a/b/'],
    ['/a/./b', '/a/b'],
    ['/a/../b', '/b'],
    ['/a/b/..', '/a/'],
    ['/a/b/.', '/a/b/'],
    ['/..', '/'],
    ['/../../etc/passwd', '/etc/passwd'],
    ['/a/%2e%2E/b', '/b'],
    ['/a/.%2e/b', '/b'],
    ['/a/%2e/b', '/a/b'],
    ['//a', '/a'],
    ['/a//b', '/a/b'],
    ['/a//../b', '/b'],
    ['///', '/'],
    ['/a//', '/a/'],
    ['/a/...', '/a/...'],
    ['/.well-known/x', '/.well-known/x'],
    ['/a/..b', '/a/..b'],
    ['/a%2Fb', '/a%2Fb'],
    ['/a%2fb', '/a%2Fb'],
    ['/a/..%2fb', '/a/..%2Fb'],
    ['/%61dmin', '/admin'],
    ['/%7Euser', '/~user'],
    ['/a%3bb', '/a%3Bb'],
    ['/%c3%a9', '/%C3%A9'],
    ['/%252e%252e/a', '/%252e%252e/a'],
    ['/a;v=1/b', '/a;v=1/b'],
    ['/a/..;/b', undefined],
    ['/a/..;x=1/b', undefined],
    ['/a/%2e%2e;/b', undefined],
    ['/a/.;/b', undefined],
    ['/a\\..\\b', undefined],
    ['/%', undefined],
    ['/%zz', undefined],
    ['/%4', undefined],
    ['/a%00b', undefined],
    ['/a b', undefined],
    ['', undefined],
    ['a', undefined],
  ];
  for (const [given, normalised] of cases) t.equal(normalisePath(given), normalised, given);
});

const nasty = fc
  .array(fc.constantFrom('/', '.', '..', '%2e', '%2E', '%2f', '%', '%6', 'a', 'B', ';', '\\', '%00', '%c3', '%61', '~', 'é'), {
    maxLength: 12,
  })
  .map((parts) => `/${parts.join('')}`);

t.test('a normalised path is safe, and stays the same when normalised again', async () => {
  fc.assert(
    fc.property(nasty, (given) => {
      const path = normalisePath(given);
      if (path === undefined) return;
      if (!path.startsWith('/') || /\/\/|\/\.{1,2}(\/|;|$)|\\|%00|%2[eE]|%61/.test(path)) throw new Error(`unsafe: ${path}`);
      if (normalisePath(path) !== path) throw new Error(`not stable: ${path}`);
    }),
    { numRuns: 5000 },
  );
});

t.test('agrees with the URL standard on paths that both accept', async () => {
  const plain = fc
    .array(fc.constantFrom('a', 'b', '.', '..', '%2e', 'c%2Fd'), { minLength: 1, maxLength: 8 })
    .map((parts) => `/${parts.join('/')}`);
  fc.assert(
    fc.property(plain, (given) => {
      const oracle = new URL(given, 'http://localhost').pathname;
      if (normalisePath(given) !== oracle) throw new Error(`${given}: ${normalisePath(given)} against ${oracle}`);
    }),
    { numRuns: 2000 },
  );
});

t.test('a segment is decoded', async (t) => {
  t.equal(decodeSegment('a%40b'), 'a@b');
  t.equal(decodeSegment('a%2Fb'), 'a/b');
  t.equal(decodeSegment('%C3%A9'), 'é');
  t.equal(decodeSegment('%C3'), '%C3', 'not UTF-8');
});
