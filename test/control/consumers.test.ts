import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { isPassword } from '../../src/model/password-digest.ts';
import { operating, run } from '../cli/command-line.ts';
import { TerminalUnderTest } from '../cli/terminal-under-test.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { controlUnderTest, tokens } from './control-under-test.ts';

const digestOf = (key: string) => createHash('sha256').update(key).digest('hex');

t.test('a consumer is created, changed and deleted; a key is shown once', async (t) => {
  const { ask, registry, log } = await controlUnderTest(t);
  const made = await ask('PUT', '/v1/consumers/anna', { body: {} });
  t.match([made.status, made.body], [201, { name: 'anna', keys: [], passwords: [], products: [] }]);
  const first = await ask('POST', '/v1/consumers/anna/keys');
  t.match([first.status, first.body], [201, { id: /^[0-9a-f]{10}$/, expires: null, key: /^sluice_[\w-]{43}$/ }]);
  t.equal(first.headers.get('cache-control'), 'no-store');
  const second = await ask('POST', '/v1/consumers/anna/keys', { body: { expires: '90d', id: 'spring' } });
  const days = (Date.parse(second.body.expires) - Date.now()) / 86_400_000;
  t.ok(second.status === 201 && second.body.id === 'spring' && days > 89.9 && days <= 90, 'valid for 90 days');
  const shown = await ask('GET', '/v1/consumers/anna');
  t.same(shown.body.keys, [
    { id: first.body.id, expires: null },
    { id: 'spring', expires: second.body.expires },
  ]);
  t.same(
    (await registry.consumers?.consumer('anna'))?.keys.map(({ sha256 }) => sha256),
    [digestOf(first.body.key), digestOf(second.body.key)],
  );
  const everything = [...log, JSON.stringify(await registry.consumers?.consumers())].join();
  t.notMatch(everything, first.body.key.slice(7), 'the key is neither kept nor logged');

  // An answer can be edited and sent back.
  const [, spring] = shown.body.keys;
  const edited = await ask('PUT', '/v1/consumers/anna', {
    body: { ...shown.body, keys: [{ ...spring, expires: '2999-12-31T00:00:00+01:00' }] },
    headers: { 'if-match': shown.headers.get('etag') ?? '' },
  });
  t.match([edited.status, edited.body.keys], [200, [{ id: 'spring', expires: '2999-12-30T23:00:00.000Z' }]]);
  t.equal((await ask('PUT', '/v1/consumers/anna', { body: {}, headers: { 'if-match': shown.headers.get('etag') ?? '' } })).status, 412);
  t.equal((await ask('PUT', '/v1/consumers/anna', { body: {}, headers: { 'if-none-match': '*' } })).status, 412);
  t.equal((await ask('DELETE', '/v1/consumers/anna', { headers: { 'if-match': '"x"' } })).status, 412);

  t.equal((await ask('DELETE', '/v1/consumers/anna/keys/spring')).status, 204);
  t.match((await ask('DELETE', '/v1/consumers/anna/keys/spring')).body, { code: 'not-found', detail: /sluice consumer show anna/ });
  t.equal((await ask('DELETE', '/v1/consumers/anna')).status, 204);
  for (const [method, path] of [
    ['GET', ''],
    ['DELETE', ''],
    ['POST', '/keys'],
    ['DELETE', '/keys/one'],
  ] as const)
    t.match((await ask(method, `/v1/consumers/anna${path}`)).body, { status: 404, code: 'not-found' }, method + path);
  t.same((await ask('GET', '/v1/consumers')).body, []);
});

t.test('a list of consumers can be searched, narrowed to a product and bounded', async (t) => {
  const { ask } = await controlUnderTest(t);
  await ask('PUT', '/v1/products/gold', { body: { projects: ['shop'] } });
  for (const name of ['anna', 'Annabel', 'ben']) {
    await ask('PUT', `/v1/consumers/${name}`, { body: name === 'anna' ? {} : { products: ['gold'] } });
  }
  const namesOf = async (query: string) => (await ask('GET', `/v1/consumers${query}`)).body.map(({ name }: { name: string }) => name);
  t.same(await namesOf(''), ['Annabel', 'anna', 'ben']);
  t.same(await namesOf('?search=ANN'), ['Annabel', 'anna']);
  t.same(await namesOf('?search=anna&limit=1'), ['anna'], 'exactly this name comes first');
  t.same(await namesOf('?product=gold'), ['Annabel', 'ben']);
  t.same(await namesOf('?search=n&product=gold&limit=1'), ['Annabel']);
  t.match((await ask('GET', '/v1/consumers?limit=0')).body, { status: 422, errors: [{ path: '?limit' }] });
  t.match((await ask('GET', '/v1/consumers?serach=a')).body, { status: 422 });
});

t.test('keys and passwords can be imported as digests; wrong input is refused with its place', async (t) => {
  const { ask, registry } = await controlUnderTest(t);
  const scrypt = '$scrypt$ln=10,r=8,p=1$c2FsdHNhbHRzYWx0c2Fs$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g';
  const body = `
keys: [{ id: old, sha256: ${digestOf('old')}, expires: 2999-01-01T00:00:00Z }, { id: new, sha256: ${digestOf('new')} }]
passwords: [{ id: first, scrypt: "${scrypt}" }]
`;
  t.equal((await ask('PUT', '/v1/consumers/anna', { body, type: 'application/yaml' })).status, 201);
  t.match(await registry.consumers?.consumer('anna'), {
    keys: [{ id: 'old', sha256: digestOf('old'), expires: Date.UTC(2999, 0, 1) }, { id: 'new' }],
    passwords: [{ id: 'first', scrypt }],
  });
  t.notMatch(JSON.stringify((await ask('GET', '/v1/consumers/anna')).body), digestOf('old'), 'answers show no digests');
  const refused = async (path: string, given: unknown, status: number, detail: object) =>
    t.match(await ask('PUT', path, { body: given }), { status, body: detail }, JSON.stringify(given));
  await refused('/v1/consumers/ben', { keys: [{ id: 'x', sha256: digestOf('old') }] }, 409, {
    code: 'conflict',
    detail: /consumer "anna"/,
  });
  await refused('/v1/consumers/ben', { keys: [{ id: 'x', sha256: 'old' }] }, 422, { errors: [{ path: 'keys.0.sha256' }] });
  await refused('/v1/consumers/ben', { keys: [{ id: 'x' }] }, 422, { errors: [{ path: 'keys.0.sha256' }] });
  await refused('/v1/consumers/ben', { keys: [{ id: 'x', sha256: digestOf('y'), expires: 'soon' }] }, 422, {
    errors: [{ path: 'keys.0.expires' }],
  });
  await refused('/v1/consumers/ben', { passwords: [{ id: 'x', scrypt: 'secret' }] }, 422, { errors: [{ path: 'passwords.0.scrypt' }] });
  await refused('/v1/consumers/ben', { key: [] }, 422, { errors: [{ message: /keys/ }] });
  await refused('/v1/consumers/ben', { name: 'anna' }, 422, { detail: /names consumer "anna" but the path "ben"/ });
  await refused('/v1/consumers/ben', { products: ['gold'] }, 404, { detail: /no product "gold"/ });
  await refused('/v1/consumers/a%2Fb', {}, 422, {});
  const many = Array.from({ length: 21 }, (_, index) => ({ id: `k${index}`, sha256: digestOf(`${index}`) }));
  await refused('/v1/consumers/ben', { keys: many }, 422, { errors: [{ path: 'keys' }] });
  for (const expires of ['2001-01-01T00:00:00Z', '0d', '90', '-1d', 'never'])
    t.equal((await ask('POST', '/v1/consumers/anna/keys', { body: { expires } })).status, 422, expires);
  t.equal((await ask('POST', '/v1/consumers/anna/keys', { body: { id: 'old' } })).status, 409);
  t.equal((await ask('GET', '/v1/consumers', { headers: { authorization: 'Bearer join-token-of-the-tests' } })).status, 401);
  t.equal(await registry.consumers?.consumer('ben'), undefined);
});

t.test('thousands of consumers are imported by few requests, those that are refused are told', async (t) => {
  const under = await controlUnderTest(t);
  const { ask, registry } = under;
  const imported = (...lines: unknown[]) =>
    ask('POST', '/v1/consumers', { type: 'application/x-ndjson', body: lines.map((line) => JSON.stringify(line)).join('\n') });
  await ask('PUT', '/v1/products/gold', { body: { projects: ['shop'] } });
  await ask('PUT', '/v1/consumers/old', { body: { keys: [{ id: 'k', sha256: digestOf('of old') }] } });
  const anna = { name: 'anna', keys: [{ id: 'k', sha256: digestOf('one'), expires: '2999-01-01T00:00:00Z' }], products: ['gold'] };
  t.match(await imported(anna, { name: 'ben', keys: [{ id: 'k', sha256: digestOf('of old') }] }, { name: 'carl', products: ['none'] }), {
    status: 200,
    body: {
      ...{ created: 1, changed: 0, unchanged: 0 },
      refused: [
        { name: 'ben', code: 'conflict', detail: /key of consumer "old"/ },
        { name: 'carl', code: 'not-found', detail: /no product "none"/ },
      ],
    },
  });
  t.same((await imported(anna, { name: 'old', products: ['gold'] })).body, { created: 0, changed: 1, unchanged: 1, refused: [] });
  t.match(await registry.consumers?.consumer('old'), { keys: [{ sha256: digestOf('of old') }], products: ['gold'] });
  const faulty = await imported({ name: 'dora' }, { name: 'eva', keys: [{ id: '/' }] }, { keys: [] });
  t.match(
    [faulty.status, faulty.body.errors],
    [
      422,
      [
        { line: 2, path: 'keys.0.id' },
        { line: 3, path: 'name' },
      ],
    ],
  );
  t.equal((await ask('POST', '/v1/consumers', { type: 'application/x-ndjson', body: '{"name":"x"}\n{' })).status, 422);
  t.equal((await ask('POST', '/v1/consumers', { body: [{ name: 'x' }] })).status, 415, 'no lines');
  t.equal((await ask('PUT', '/v1/consumers/x', { type: 'application/x-ndjson', body: '{}' })).status, 415);
  t.equal(await registry.consumers?.consumer('dora'), undefined, 'nothing of a faulty request is made');
  t.match((await imported(...Array.from({ length: 501 }, (_, index) => ({ name: `c-${index}` })))).body, { detail: /at most 500/ });

  const many = Array.from({ length: 1200 }, (_, index) => ({ name: `c-${index}`, keys: [{ id: 'k', sha256: digestOf(`c-${index}`) }] }));
  const folder = ownFolder(t, {
    'many.ndjson': [...many, { name: 'thief', keys: [{ id: 'k', sha256: digestOf('one') }] }].map((one) => JSON.stringify(one)).join('\n'),
    'list.yaml': '- { name: f, keys: [] }\n- name: g\n  products: [gold]\n',
    'twice.ndjson': '{"name":"a"}\n\n{"name":"a"}\n',
    'nameless.yaml': '- name: a\n- keys: []\n',
    'faulty.yaml': '- name: a\n- name: b\n  keys: 7\n',
  });
  const sluice = operating(under);
  const run = await sluice('consumer', 'import', `${folder}/many.ndjson`);
  t.match(run, { status: 1, out: '1200 created, 0 changed, 0 unchanged, 1 refused' });
  t.match(
    run.err,
    /^0 of 1201 consumers\n[\s\S]*1201 of 1201 consumers\nthief: key "k" is a key of consumer "anna"[\s\S]*1 of 1201 consumers were refused/,
  );
  t.equal((await registry.consumers?.consumers())?.length, 1202);
  await t.rejects(async () => registry.consumers?.addKey('anna', { id: 'x', sha256: digestOf('c-777') }), { message: /consumer "c-777"/ });
  t.match(await sluice('consumer', 'import', `${folder}/list.yaml`, '--json'), { status: 0, out: /"created": 2/ });
  for (const [file, words] of Object.entries({
    'twice.ndjson': /twice\.ndjson:3: consumer "a" is given twice, first at .*:1/,
    'nameless.yaml': /nameless\.yaml:2: needs the name/,
    'faulty.yaml': /faulty\.yaml:2: keys: /,
    'none.yaml': /no such file/,
  }))
    t.match(await sluice('consumer', 'import', `${folder}/${file}`), { status: 1, err: words });
});

t.test('products are created, replaced and deleted, and consumers subscribe to them', async (t) => {
  const { ask } = await controlUnderTest(t);
  const product = { projects: ['shop', 'pay'], limit: '100/s', quota: '10000/day' };
  const made = await ask('PUT', '/v1/products/gold', { body: product });
  t.match([made.status, made.body], [201, { name: 'gold', projects: ['pay', 'shop'], limit: '100/s', quota: '10000/day' }]);
  t.equal((await ask('PUT', '/v1/products/gold', { body: made.body })).status, 200, 'an answer can be sent back');
  t.match((await ask('PUT', '/v1/products/gold', { body: { projects: ['shop'] } })).body, { limit: null, quota: null });
  for (const wrong of [{}, { projects: [] }, { projects: ['shop'], limit: '0/s' }, { projects: ['shop'], quota: '10/year' }])
    t.equal((await ask('PUT', '/v1/products/gold', { body: wrong })).status, 422, JSON.stringify(wrong));
  const tooMuch = await ask('PUT', '/v1/products/gold', { body: { projects: ['shop'], quota: '1000000001/month' } });
  t.match([tooMuch.status, JSON.stringify(tooMuch.body)], [422, /quota.*must be at most 1000000000 requests/]);
  await ask('PUT', '/v1/consumers/anna', { body: {} });
  t.match(await ask('PUT', '/v1/products/gold/subscriptions/anna'), { status: 201, body: { product: 'gold', consumer: 'anna' } });
  t.equal((await ask('PUT', '/v1/products/gold/subscriptions/anna')).status, 200);
  t.equal((await ask('PUT', '/v1/products/gold/subscriptions/ben')).status, 404);
  t.equal((await ask('PUT', '/v1/products/silver/subscriptions/anna')).status, 404);
  t.same((await ask('GET', '/v1/consumers/anna')).body.products, ['gold']);
  t.match((await ask('DELETE', '/v1/products/gold')).body, { status: 409, code: 'in-use', detail: /consumer "anna"/ });
  t.equal((await ask('DELETE', '/v1/products/gold?force')).status, 204);
  t.same((await ask('GET', '/v1/consumers/anna')).body.products, []);
  t.equal((await ask('DELETE', '/v1/products/gold/subscriptions/anna')).status, 404);
  const described = (await ask('GET', '/openapi.json')).body;
  t.ok(described.paths['/v1/consumers/{name}/keys'].post && described.paths['/v1/products/{name}/subscriptions/{consumer}'].put);
});

t.test('a gateway of another make reads consumers by their hashes, with the join token', async (t) => {
  const { ask } = await controlUnderTest(t);
  const join = { headers: { authorization: `Bearer ${tokens.join}` } };
  t.match((await ask('GET', '/v1/callers', join)).body, { hash: null });
  t.equal((await ask('GET', '/v1/callers/root', join)).status, 404);
  await ask('PUT', '/v1/consumers/anna', { body: { keys: [{ id: 'k', sha256: digestOf('one') }] } });
  let { hash, part } = { hash: (await ask('GET', '/v1/callers', join)).body.hash, part: 'root' };
  for (let depth = 0; depth < 3; depth++) {
    const answer = await ask('GET', `/v1/callers/${part}`, join);
    t.equal(answer.headers.get('etag'), `"${hash}"`);
    [[part, [hash]]] = Object.entries(answer.body.children) as [[string, [string, number]]];
  }
  t.match((await ask('GET', `/v1/callers/${part}`, join)).body, { consumers: [{ name: 'anna', keys: [{ sha256: digestOf('one') }] }] });
  t.equal((await ask('GET', '/v1/callers/xyz', join)).status, 422);
  t.equal((await ask('GET', '/v1/callers', { headers: { authorization: 'Bearer x' } })).status, 401);
});

t.test('commands make consumers, keys and subscriptions', async (t) => {
  const sluice = operating(await controlUnderTest(t));
  t.match(await sluice('consumer', 'list'), { status: 0, out: 'no consumers' });
  t.match(await sluice('consumer', 'create', 'anna'), { status: 0, out: 'consumer anna created', err: '' });
  t.match(await sluice('consumer', 'create', 'anna'), { status: 1, err: /already exists: see "sluice consumer show anna"/ });
  const key = await sluice('consumer', 'key', 'anna', '--expires', '90d', '--id', 'spring');
  t.match(key, { status: 0, out: /^sluice_[\w-]{43}$/, err: /^key spring of anna, valid until \d{4}-.+: it is not shown again$/ });
  t.match(await sluice('consumer', 'key', 'anna', '--expires', 'soon'), { status: 2, err: /90d/ });
  t.match(await sluice('product', 'create', 'gold', '--projects', 'shop,pay', '--limit', '100/s', '--quota', '10000/day'), {
    status: 0,
    out: 'product gold created: pay, shop',
  });
  t.match(await sluice('product', 'create', 'gold', '--projects', 'shop'), { status: 1, err: /already exists/ });
  t.match(await sluice('product', 'create', 'x', '--projects', 'shop', '--limit', 'many'), { status: 2, err: /100\/s/ });
  t.match(await sluice('subscribe', 'anna', 'gold'), { status: 0, out: 'anna has subscribed to gold' });
  t.match(await sluice('subscribe', 'ana', 'gold'), { status: 1, err: /anna/ });
  t.match(await sluice('product', 'list'), { out: /gold +pay, shop +100\/s +10000\/day/ });
  t.match(await sluice('product', 'show', 'gold'), { out: /gold +pay, shop/ });
  t.match(await sluice('consumer', 'list'), { out: /anna +1 +gold/ });
  t.match(await sluice('consumer', 'list', '--search', 'ANN', '--product', 'gold', '--limit', '1'), { out: /anna +1 +gold/ });
  t.match(await sluice('consumer', 'list', '--limit', '0'), { status: 2, err: /at least 1/ });
  t.match(await sluice('consumer', 'list', '--search', 'b&c'), { status: 0, out: 'no consumers' });
  t.match(await sluice('consumer', 'show', 'anna'), { out: /products: gold[\s\S]+spring +key +\d{4}-/ });
  t.match(await sluice('product', 'delete', 'gold'), { status: 1, err: /or delete it with --force$/ });
  t.match(await sluice('unsubscribe', 'anna', 'gold'), { status: 0 });
  t.match(await sluice('product', 'delete', 'gold'), { status: 0, out: 'product gold deleted' });
  t.match(await sluice('consumer', 'revoke', 'anna', 'spring'), { status: 0, out: 'key spring of anna revoked' });
  t.match(await sluice('consumer', 'revoke', 'anna', 'spring'), { status: 1, err: /has no key "spring"/ });
  t.match(await sluice('consumer', 'delete', 'anna'), { status: 0, out: 'consumer anna deleted' });
});

t.test('a password becomes a digest, typed twice or from standard input', async (t) => {
  const terminal = new TerminalUnderTest();
  const running = run(['consumer', 'password', 'anna'], { terminal });
  const type = async (text: string, prompt: RegExp) => {
    await terminal.until(() => prompt.test(terminal.lines.err.at(-1) ?? ''));
    for (const octet of Buffer.from(text)) terminal.press(String.fromCharCode(octet));
  };
  await type('secrex\u007ft \u00fc\r', /^password:/);
  await type('secret \u00fc\r', /^password again:/);
  const { status, out } = await running;
  const [, digest = ''] = /^anna: "(.+)"$/.exec(out) ?? [];
  t.equal(status, 0);
  t.ok(await isPassword('secret \u00fc', digest));
  t.notMatch(terminal.lines.err.join(), 'secret');

  const program = fileURLToPath(new URL('../cli/command-process.ts', import.meta.url));
  const words = ['--import=tsx', program, 'consumer', 'password', 'anna'];
  const piped = execFileSync(process.execPath, words, { input: 'from a file\nanother line\n' }).toString();
  t.ok(await isPassword('from a file', /"(.+)"/.exec(piped)?.[1] ?? ''));
  const empty = spawnSync(process.execPath, words, { input: '\n' });
  t.match([empty.status, empty.stderr.toString()], [1, /the password is empty/]);
});
