import t from 'tap';
import { policyServices } from '../tools/policy-services.ts';
import { type Entry, FakeContext, faultsOf, policyOf } from './run-policy.ts';

const json = { 'content-type': 'application/json; charset=utf-8' };

/** The body that the target gets of this one. */
function requestBody(edits: Entry, body: string, headers: Record<string, string> = json): string {
  const context = new FakeContext({ method: 'POST', headers });
  context.body = Buffer.from(body);
  policyOf({ transform: { json: edits } }).run(context);
  return context.body.toString();
}

t.test('transform: removes, then renames, then sets', async (t) => {
  const cases: [edits: Entry, before: string, after: string][] = [
    [{ remove: ['/a'] }, '{"a":1,"b":2}', '{"b":2}'],
    [{ remove: ['/a/1', '/b/c'] }, '{"a":[1,2,3],"b":{"c":1}}', '{"a":[1,3],"b":{}}'],
    [{ remove: ['/x', '/a/9', '/a/x', '/b/c/d', '/a/01'] }, '{ "a": [1], "b": 2 }', '{ "a": [1], "b": 2 }'],
    [{ rename: { '/a': '/b', '/c': '/d/e' } }, '{"a":1,"c":[2]}', '{"b":1,"d":{"e":[2]}}'],
    [{ rename: { '/x': '/y' } }, '{"a":1}', '{"a":1}'],
    [
      { set: { '/a': { b: [null, true, 'é'] }, '/n/m': 1, '/l/-': 3 } },
      '{"l":[2],"a":0}',
      '{"l":[2,3],"a":{"b":[null,true,"é"]},"n":{"m":1}}',
    ],
    [{ remove: ['/a'], rename: { '/b': '/a' }, set: { '/b': 3 } }, '{"a":1,"b":2}', '{"a":2,"b":3}'],
    [{ set: { '/a/b': 1 } }, '{"a":"text"}', '{"a":"text"}'],
    [{ set: { '/a~1b~0': 1 } }, '{"a/b~":0}', '{"a/b~":1}'],
    [{ set: { '/0': 1 } }, '[5,6]', '[1,6]'],
    [{ set: { '/0': 1 } }, '"text"', '"text"'],
    // What is not changed is not read as a number, and nothing is inherited.
    [
      { set: { '/a': 1 } },
      '{"n":12345678901234567890.10e+2,"s":"\\u00e9\\"]}"}',
      '{"n":12345678901234567890.10e+2,"s":"\\u00e9\\"]}","a":1}',
    ],
    [{ set: { '/__proto__/x': 1 } }, '{"a":{}}', '{"a":{},"__proto__":{"x":1}}'],
    // A reader could take any of them.
    [{ remove: ['/a/s'] }, '{"a":{"s":1},"\\u0061":{"s":2,"\\u0073":3,"b":4}}', '{"a":{},"a":{"b":4}}'],
    [{ set: { '/a': 0 } }, '{"a":1,"b":2,"a":3}', '{"a":0,"b":2}'],
  ];
  for (const [edits, before, after] of cases) t.equal(requestBody(edits, before), after, JSON.stringify(edits));
});

t.test('transform: leaves other bodies alone', async (t) => {
  const edits = { set: { '/a': 1 } };
  const kept: [body: string, headers?: Record<string, string>][] = [
    ['{"a":0', json],
    ["{'a':0}", json],
    ['', json],
    [`${'['.repeat(5000)}${']'.repeat(5000)}`, json],
    ['{"a":0}', { 'content-type': 'text/plain' }],
    ['{"a":0}', { 'content-type': 'application/json; charset=utf-16' }],
    ['{"a":0}', { ...json, 'content-encoding': 'gzip' }],
    ['{"a":0}', {}],
  ];
  for (const [body, headers] of kept) t.equal(requestBody(edits, body, headers), body);
  t.equal(requestBody(edits, '{"a":0}', { 'content-type': 'application/problem+json' }), '{"a":1}');
});

t.test('transform: changes responses, whose tags become weak', async (t) => {
  const context = new FakeContext({ response: { ...json, etag: '"1"' } });
  policyOf({ transform: { json: { remove: ['/secret'] } } }, 'targetResponse').run(context);
  t.equal(context.change?.(Buffer.from('{"secret":1,"a":2}')).toString(), '{"a":2}');
  t.equal(context.response?.headers.get('etag'), 'W/"1"');
  const text = new FakeContext({ response: { 'content-type': 'text/html' } });
  policyOf({ transform: { json: { remove: ['/secret'] } } }, 'proxyResponse').run(text);
  t.equal(text.change, undefined);
});

t.test('transform: faulty settings are refused', async (t) => {
  t.match(faultsOf({ transform: {} }), [/transform\.json: /]);
  t.match(faultsOf({ transform: { json: {} } }), [/needs at least one of remove, rename, set/]);
  t.match(faultsOf({ transform: { json: { remove: ['a'] } } }), [/must be a JSON pointer/]);
  t.match(faultsOf({ transform: { json: { remove: ['/a~2'] } } }), [/has a "~"/]);
  t.match(faultsOf({ transform: { json: { rename: { '/a': 'b' } } } }), [/must be a JSON pointer/]);
  t.match(faultsOf({ transform: { json: { remove: ['/a'] }, maxBytes: 0 } }), [/maxBytes/]);
});

t.test('mirror: copies a share of the requests with certain methods', async (t) => {
  const copies = (settings: Entry, method: string, chance = 0) => {
    const context = new FakeContext({ method });
    const policy = policyOf({ mirror: { target: 'shadow', ...settings } }, 'proxyRequest', policyServices({ random: () => chance }));
    for (let run = 0; run < 120; run++) policy.run(context);
    return context.copied.length;
  };
  t.equal(copies({}, 'GET'), 100, 'no more than 100 are under way');
  t.equal(copies({}, 'POST'), 0);
  t.equal(copies({ methods: ['OPTIONS'] }, 'GET'), 0);
  t.equal(copies({ percent: 10 }, 'GET', 0.0999), 100);
  t.equal(copies({ percent: 10 }, 'GET', 0.1), 0);
  const context = new FakeContext();
  const policy = policyOf({ mirror: { target: 'shadow' } });
  for (let run = 0; run < 120; run++) {
    policy.run(context);
    context.copies.at(-1)?.ends();
  }
  t.equal(context.copies.length, 120, 'copies that have ended make room');
  t.same(context.copied[0], 'shadow');
  t.match(faultsOf({ mirror: {} }), [/mirror\.target: /]);
  t.match(faultsOf({ mirror: { target: 'a', percent: 101 } }), [/mirror\.percent: /]);
  t.match(faultsOf({ mirror: { target: 'a', methods: ['POST'] } }), [/mirror\.methods\.0: /]);
  t.same(faultsOf({ mirror: { target: 'a', methods: ['GET', 'POST'], maxBody: 1000 } }), []);
  t.match(faultsOf({ mirror: { target: 'a', maxBody: 2_000_000 } }), [/mirror\.maxBody: /]);
});
