import t from 'tap';
import { readPath } from '../../src/routing/path.ts';
import { decodeSegment } from '../../src/routing/percent-encoding.ts';
import fc from '../tools/fast-check.ts';

const normalisePath = (given: string) => readPath(given)?.path;

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
    ['/%61dmin', '/admin'],
    ['/%7Euser', '/~user'],
    ['/a%3bb', '/a%3Bb'],
    ['/%c3%a9', '/%C3%A9'],
    ['/%252fa', '/%252fa'],
    ['/a;v=1/b', '/a;v=1/b'],
    ['/a/..;/b', undefined],
    ['/a/..;x=1/b', undefined],
    ['/a/%2e%2e;/b', undefined],
    ['/a/.;/b', undefined],
    ['/a/..%2fb', undefined],
    ['/a%2F..%2fb', undefined],
    ['/a/..%5Cb', undefined],
    ['/a/%252e%252e/b', undefined],
    ['/a/..%252Fb', undefined],
    ['/a/..%3Bx/b', undefined],
    ['/a/..%20/b', undefined],
    ['/a/.%0A./b', undefined],
    ['/a/..%3Fb', undefined],
    ['/a/%c0%ae%c0%ae/b', undefined],
    ['/a/%E0%80%AE%E0%80%AE/b', undefined],
    ['/a/%f0%80%80%ae./b', undefined],
    ['/a%c0%afb', undefined],
    ['/a%2500b', undefined],
    ['/a%25252Fb', undefined],
    ['/a%c0/b', '/a%C0/b'],
    ['/%ff/../%2esluice', '/.sluice'],
    ['/%2525', '/%2525'],
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

t.test('slashes can be kept', async (t) => {
  const cases: [given: string, path: string][] = [
    ['//', '//'],
    ['/a//b', '/a//b'],
    ['/a//', '/a//'],
    ['/a//./b', '/a//b'],
    ['/a//../b', '/a/b'],
    ['/a/https://b//c/..', '/a/https://b//'],
  ];
  for (const [given, path] of cases) t.equal(readPath(given, false)?.path, path, given);
  t.strictSame(readPath('/a//b', false)?.forms, ['/a//b', '/a/b']);
});

t.test('a path has a form for each way in which a server could read it', async (t) => {
  const cases: [given: string, ...forms: string[]][] = [
    ['/a/b', '/a/b'],
    ['/caf%c3%a9', '/caf%C3%A9'],
    ['/a%40b', '/a@b'],
    ['/a%2fb', '/a%2Fb', '/a/b'],
    ['/a%5Cb', '/a%5Cb', '/a/b'],
    ['/a;v=1/b', '/a;v=1/b', '/a/b'],
    ['/a%3bv/b', '/a%3Bv/b', '/a/b'],
    ['/a%3Fb', '/a%3Fb', '/a'],
    ['/a%2523b', '/a%2523b', '/a%23b', '/a'],
    ['/a%20', '/a%20', '/a'],
    ['/a%09b%0d', '/a%09b%0D', '/ab', '/a%09b'],
    ['/%2561', '/%2561', '/a'],
    ['/a%20b', '/a%20b'],
    ['/a%2F/b', '/a%2F/b', '/a//b', '/a/b'],
  ];
  for (const [given, ...forms] of cases) t.strictSame(readPath(given)?.forms, forms, given);
  t.ok(readPath('/a%20%2F%0d')?.forms.includes('/a/%0D'), 'found by the properties: white space is trimmed in more than one way');
  for (const given of ['/a%2Fb', '/a%5cb', '/a%252fb', '/a%255Cb']) t.equal(readPath(given)?.encodedSlash, true, given);
  for (const given of ['/a/b', '/a%20b', '/a%252eb', '/2F']) t.equal(readPath(given)?.encodedSlash, false, given);
});

t.test('no path costs much to read', async (t) => {
  const long = (piece: string) => `/${piece.repeat(Math.floor(16_000 / piece.length))}`;
  for (const piece of ['%25', '%2525', '%2F', ';', '/;', '%20', '%20x', '%3B', '%2F;%5C%252F%3Fx%20', '/%c0', '..%2F', '/../', '//', '%09'])
    for (const end of ['', 'x', '/x', '%']) readPath(`${long(piece)}${end}`);
  t.equal(readPath('/a;b%2Fc%5Cd%3Be%3Ff%20%252F%09/%20'), undefined, 'one with very many readings is refused');
});

t.test('a segment is decoded', async (t) => {
  t.equal(decodeSegment('a%40b'), 'a@b');
  t.equal(decodeSegment('a%2Fb'), 'a/b');
  t.equal(decodeSegment('%C3%A9'), decodeSegment('é'), 'octets are compared, so that a path need not be UTF-8');
  t.equal(decodeSegment('%C3%40'), '\xc3@');
});
