import { test } from 'tap';
import * as z from 'zod';
import { parseDocument } from '../../src/config/document.ts';
import { nearest } from '../../src/config/nearest.ts';
import { environmentSpec } from '../../src/model/environment.ts';
import { SluiceError } from '../../src/model/fault.ts';
import { project } from '../../src/model/project.ts';

/** Faults of `text`, each as `[line, path, message]`. Throws if it is accepted. */
function faultsOf(text: string | Uint8Array, schema: z.ZodType = environmentSpec): [number | undefined, string, string][] {
  return refusalOf(text, schema).faults.map(({ line, path, message }) => [line, path, message]);
}

function refusalOf(text: string | Uint8Array, schema: z.ZodType = environmentSpec): SluiceError {
  try {
    parseDocument(text, schema, { file: 'e.yaml' });
  } catch (error) {
    if (error instanceof SluiceError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

test('YAML and JSON give the same value, with defaults filled in', async (t) => {
  const yaml = parseDocument('listen: 127.0.0.1:1\nhosts: [A.example]\n', environmentSpec);
  const json = parseDocument('{\n\t"listen": "127.0.0.1:1",\n\t"hosts": ["A.example"]\n}', environmentSpec);
  t.strictSame(yaml, json);
  t.strictSame([yaml.listen, yaml.hosts, yaml.timeouts.connect], ['127.0.0.1:1', ['a.example'], 3000]);
  t.strictSame(parseDocument(new TextEncoder().encode('\uFEFF{"a": "\\ud83d\\ude00 ü"}'), z.record(z.string(), z.string())), { a: '😀 ü' });
});

test('all faults are reported together, in order, each with line, path and remedy', async (t) => {
  const text = `
listen: foo
hots: [a]
balance: ewwma
health:
  expect: x
  intervall: 2s
  rise: 1.5
limits: [1]
timeouts:
  connect: 3
sticky:
retries: { attempts: 99 }
variables: { 1a: x, b: 2 }
servers:
  - weight: 1
    id: a
  - b
panicThreshold: -1
exposeServer: "yes"
`;
  t.strictSame(faultsOf(text), [
    [2, 'listen', 'must be HOST:PORT, for example 127.0.0.1:8080 or [::1]:8080'],
    [3, 'hots', 'is unknown: did you mean "hosts"?'],
    [4, 'balance', 'must be one of "round-robin", "least-connections", "random-two", "ewma", "hash": did you mean "ewma"?'],
    [6, 'health.expect', 'must be statuses such as 200 or 200-399'],
    [7, 'health.intervall', 'is unknown: did you mean "interval"?'],
    [8, 'health.rise', 'must be a whole number, not a fraction'],
    [9, 'limits', 'must be a map, not a list'],
    [11, 'timeouts.connect', 'must be a time such as 250ms, 2s or 5m'],
    [12, 'sticky', 'is empty: give a map, or leave it out'],
    [13, 'retries.attempts', 'must be at most 10'],
    [14, 'variables.1a', 'cannot be a name here: must be a variable name'],
    [14, 'variables.b', 'must be text, not a number'],
    [16, 'servers.0.address', 'is missing; expected: where the server is reached: HOST:PORT'],
    [18, 'servers.1', 'must be a map, not text'],
    [19, 'panicThreshold', 'must be at least 0'],
    [20, 'exposeServer', 'must be true or false, not text'],
  ]);
  const refusal = refusalOf(text);
  t.equal(refusal.code, 'invalid');
  t.equal(refusal.message, 'e.yaml:2: listen must be HOST:PORT, for example 127.0.0.1:8080 or [::1]:8080 (and 15 more)');
});

test('a missing part is reported at the line of the map that it is missing from', async (t) => {
  t.strictSame(faultsOf('basePath: /\ntargets:\n  default:\n    urls: []\n', project), [
    [1, 'name', 'is missing; expected: letters, digits, ".", "_", "-"; at most 63'],
    [4, 'targets.default.urls', 'must have at least 1 entries'],
  ]);
  t.strictSame(faultsOf('# nothing\n', project), [[undefined, '', 'is empty: give a map, or leave it out']]);
  t.strictSame(faultsOf('', project), [[undefined, '', 'is empty: give a map, or leave it out']]);
  t.strictSame(faultsOf('\n- a\n', project), [[2, '', 'must be a map, not a list']]);
});

test('of several alternatives, the faults of the alternative that was meant are reported', async (t) => {
  t.strictSame(faultsOf('health: maybe'), [[1, 'health', 'must be "off" or a map']]);
  t.strictSame(faultsOf('health: { fall: 0 }'), [[1, 'health.fall', 'must be at least 1']]);
  t.strictSame(faultsOf('slowStart: 99999h'), [[1, 'slowStart', 'must be at most 596h']]);
  t.strictSame(faultsOf('health: { interval: 0s }'), [[1, 'health.interval', 'must be more than 0']]);
});

test('messages never repeat a value, since it may be a secret', async (t) => {
  const schema = z.strictObject({
    token: z.string().regex(/^[a-z]{20}$/),
    other: z.enum(['a', 'b']),
    third: z.union([z.literal('x'), z.int()]),
  });
  const { message, faults } = refusalOf('token: S3CRET\nother: S3CRET\nthird: S3CRET\n', schema);
  t.equal(faults.length, 3);
  t.notMatch(JSON.stringify([message, faults]), /S3CRET/);
});

test('texts that cannot be parsed are refused as malformed, with the line', async (t) => {
  const cases: [string, string | Uint8Array, number | undefined, RegExp][] = [
    ['syntax', 'a: 1\nb: c: d\n', 2, /is not valid YAML/],
    ['unclosed', 'a: 1\nb: [1, 2\n', 3, /is not valid YAML/],
    ['tab', 'a:\n\tb: 1', 2, /indented by a tab/],
    ['doubled key', 'a: 1\nb: { c: 1,\n c: 2 }', 3, /given twice/],
    ['two documents', 'a: 1\n---\nb: 1\n', 2, /second document/],
    ['unknown tag', 'a: 1\nlisten: !shell ls\n', 2, /has an unknown tag/],
    ['dangling alias', 'a: 1\nb: *c\n', 2, /refers to "\*c"/],
    ['map as key', 'a: 1\n? [b]\n: 1\n', 2, /not plain text/],
    ['empty key', 'a: 1\n: 2\n', 2, /not plain text/],
    ['__proto__', 'a: 1\n__proto__: { listen: "x" }\n', 2, /__proto__/],
    ['__proto__ in JSON', '{"a": 1,\n"__proto__": {}}', 2, /__proto__/],
    ['NUL', 'a: 1\nb: \0', 2, /U\+0000/],
    ['escape character', 'a: \u001b[31m', 1, /U\+001B/],
    ['not UTF-8', new Uint8Array([0x61, 0x3a, 0x20, 0xff]), undefined, /not UTF-8/],
    ['UTF-16', Buffer.from('a: 1', 'utf16le'), 1, /U\+0000/],
  ];
  for (const [name, text, line, message] of cases) {
    const { code, faults } = refusalOf(text);
    t.equal(code, 'malformed', name);
    t.match(faults[0], { line, message }, name);
  }
  t.equal(Object.getPrototypeOf({}), Object.prototype, 'no prototype was changed');
});

test('hostile texts of every kind are refused fast', async (t) => {
  const mega = 1 << 20;
  const lines = (count: number, line: (index: number) => string) => Array.from({ length: count }, (_, index) => line(index)).join('\n');
  const bomb = lines(
    12,
    (index) =>
      `a${index}: &a${index} [${
        index === 0
          ? '1'
          : Array(10)
              .fill(`*a${index - 1}`)
              .join(', ')
      }]`,
  );
  const cases: [string, string, RegExp][] = [
    ['nested lists', '['.repeat(100_000), /nests deeper than 64 levels/],
    ['nested block lists', '- '.repeat(100_000), /nests deeper than 64 levels/],
    ['nested maps', '{a: '.repeat(100_000), /nests deeper than 64 levels/],
    ['nested block maps', lines(300, (index) => `${' '.repeat(index)}a:`), /nests deeper than 64 levels/],
    ['alias bomb', bomb, /too many values/],
    ['alias of itself', 'a: &a [*a]', /nests deeper than 64 levels/],
    ['chain of aliases', lines(5000, (index) => `x${index}: &x${index} [${index === 0 ? '1' : `*x${index - 1}`}]`), /nests deeper/],
    ['quotes', '"'.repeat(mega), /too many parts/],
    ['document marks', '---\n'.repeat(mega / 4), /second document/],
    ['list entries', `[${'1,'.repeat(mega / 2 - 1)}]`, /too many parts/],
    ['unknown keys', lines(20_000, (index) => `k${index}: 1`), /is unknown/],
    ['letters', 'x'.repeat(mega), /must be a map, not text/],
    ['5 MB', 'x'.repeat(5_000_000), /has 5000000 bytes; at most 1048576 are read/],
  ];
  for (const [name, text, message] of cases) {
    const before = process.cpuUsage();
    const refusal = refusalOf(text);
    const { user } = process.cpuUsage(before);
    t.match(refusal.faults[0]?.message ?? refusal.message, message, name);
    t.ok(refusal.faults.length <= 100, `${name}: ${refusal.faults.length} faults`);
    t.ok(user < 8_000_000, `${name}: ${Math.round(user / 1000)} ms of CPU`);
  }
});

test('aliases are replaced by their anchors; faults in them have the line of the anchor', async (t) => {
  t.match(parseDocument('variables: { a: &a "1", b: *a }', environmentSpec), { variables: { a: '1', b: '1' } });
  const text = 'timeouts: &t\n  connect: 1s\nlimits: *t\n';
  t.strictSame(faultsOf(text), [
    [
      2,
      'limits.connect',
      'is unknown; known here: connections, connectionsPerServer, queue, queueTimeout, headerBytes, bodyBytes, bodyRate, tunnelsPerServer',
    ],
  ]);
});

test('finds the word that was meant, if any', async (t) => {
  const known = ['listen', 'hosts', 'headerBytes', 'bodyBytes', 'requestHead', 'responseHead'];
  for (const [word, meant] of [
    ['lisen', 'listen'],
    ['lsiten', 'listen'],
    ['Hosts', 'hosts'],
    ['header_bytes', 'headerBytes'],
    ['headerbyte', 'headerBytes'],
    ['respondHead', 'responseHead'],
    ['port', undefined],
    ['zzz', undefined],
    ['', undefined],
    ['listen'.repeat(1000), undefined],
  ] as const) {
    t.equal(nearest(word, known), meant, word.slice(0, 20));
  }
  t.equal(nearest('x', []), undefined);
});
