import { test } from 'tap';
import { type Answer, controlUnderTest, sampleProject } from './control-under-test.ts';

test('projects are pushed as JSON or YAML; the same content makes no new revision', async (t) => {
  const { ask } = await controlUnderTest(t);
  const first = await ask('POST', '/v1/projects', { body: sampleProject('pets') });
  t.same([first.status, first.body, first.headers.get('location')], [201, { name: 'pets', revision: 1 }, '/v1/projects/pets/revisions/1']);
  const yaml = 'name: pets\nbasePath: /pets/\ntargets:\n  default: { url: "http://127.0.0.1:9201" }\n';
  for (const type of ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/plain; charset=utf-8', 'application/json']) {
    const again = await ask('POST', '/v1/projects', { body: yaml, type });
    t.same([again.status, again.body.revision], [200, 1], type);
  }
  t.equal((await ask('POST', '/v1/projects', { body: { ...sampleProject('pets'), version: '1.1' } })).body.revision, 2);
  t.match((await ask('GET', '/v1/projects')).body, [
    { name: 'pets', latest: 2, revisions: [{ revision: 1 }, { revision: 2, version: '1.1' }] },
  ]);
  t.match((await ask('GET', '/v1/projects/pets')).body, { name: 'pets', latest: 2 });
  t.match((await ask('GET', '/v1/projects/pets/revisions/1')).body, {
    name: 'pets',
    revision: 1,
    project: { basePath: '/pets', forwardBasePath: false },
  });
  for (const path of ['/v1/projects/none', '/v1/projects/pets/revisions/3', '/v1/projects/none/revisions/1'])
    t.equal((await ask('GET', path)).status, 404);
  for (const n of ['0', '-1', 'x', '1.5', '1e9', '99999999999999999999'])
    t.equal((await ask('GET', `/v1/projects/pets/revisions/${n}`)).status, 422, n);
});

test('every fault of a project is reported with its path and line, also in policies', async (t) => {
  const { ask, registry } = await controlUnderTest(t);
  const body = [
    'name: pets',
    'basePath: pets',
    'targets:',
    '  default: { url: "ftp://127.0.0.1" }',
    'resource: []',
    'policies:',
    '  proxyRequest:',
    '    - headers: { set: { x-ok: yes } }',
    '    - noSuchPolicy: {}',
    '',
  ].join('\n');
  const shape = await ask('POST', '/v1/projects', { body, type: 'application/yaml' });
  t.equal(shape.status, 422);
  const places = shape.body.errors.map((fault: { path: string; line: number }) => `${fault.line} ${fault.path}`);
  t.ok(places.includes('2 basePath'), places.join());
  t.ok(places.includes('4 targets.default.url'), places.join());
  t.ok(places.includes('5 resource'), places.join());

  const checked = await ask('POST', '/v1/projects/validate', { body, type: 'application/yaml' });
  t.strictSame([checked.status, checked.body.errors], [422, shape.body.errors], 'a check tells the same as a push');

  const sound = body.replace('basePath: pets', 'basePath: /pets').replace('ftp', 'http').replace('resource: []', 'resources: []');
  const policy = await ask('POST', '/v1/projects', { body: sound, type: 'application/yaml' });
  t.equal(policy.status, 422);
  t.match(policy.body.errors.at(-1), { path: 'policies.proxyRequest.1.noSuchPolicy', line: 9 });
  const valid = await ask('POST', '/v1/projects/validate', { body: sampleProject('pets') });
  t.strictSame([valid.status, valid.body], [200, { name: 'pets' }]);
  t.same(await registry.projects(), []);
});

test('malformed input is refused with a reason, changes nothing and stops nothing', { timeout: 60_000 }, async (t) => {
  const { ask, registry, log } = await controlUnderTest(t);
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghij'.replace(/./g, (letter, index) => `${letter}: &${letter} [${Array(9).fill(`*${'abcdefghij'[index]}`).join()}]\n`)}name: *j\n`;
  const inputs: [name: string, body: string | Uint8Array, status: number, code: string][] = [
    ['nothing', '', 422, 'invalid'],
    ['a list', '[1, 2]', 422, 'invalid'],
    ['a word', 'hello', 422, 'invalid'],
    ['broken JSON', '{"name": "x",', 400, 'malformed'],
    ['broken YAML', 'name: x\n  basePath: : y\n\t- z', 400, 'malformed'],
    ['a doubled key', 'name: x\nname: y\n', 400, 'malformed'],
    ['two documents', 'name: x\n---\nname: y\n', 400, 'malformed'],
    ['a YAML bomb', bomb, 400, 'malformed'],
    ['endless depth', '['.repeat(200_000), 400, 'malformed'],
    ['depth in JSON', `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`, 400, 'malformed'],
    ['an alias to itself', 'name: &a [*a]\n', 400, 'malformed'],
    ['a prototype', '{"__proto__": {"name": "x"}, "constructor": {}}', 400, 'malformed'],
    ['a foreign tag', 'name: !!js/function "function(){}"\n', 400, 'malformed'],
    ['invalid UTF-8', new Uint8Array([0x6e, 0x61, 0x6d, 0x65, 0x3a, 0x20, 0xff, 0xfe]), 400, 'malformed'],
    ['NUL', 'name: a\u0000b\n', 400, 'malformed'],
    ['3 MB of garbage', 'garbage: [}{ '.repeat(230_000), 413, 'too-large'],
    ['5 MB of garbage', '\u0001garbage'.repeat(640_000), 413, 'too-large'],
  ];
  for (const [name, body, status, code] of inputs) {
    const answer: Answer = await ask('POST', '/v1/projects', { body, type: 'application/yaml' });
    t.same([answer.status, answer.body.code], [status, code], `${name}: ${answer.body.detail}`);
    t.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
    t.ok(answer.body.detail.length < 2000, 'the answer does not repeat the input');
  }
  for (const type of ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'image/png', 'nonsense']) {
    const answer = await ask('POST', '/v1/projects', { body: '{}', type });
    t.same([answer.status, answer.body.code], [415, 'unsupported-media-type'], type);
    t.match(answer.body.detail, /application\/yaml/);
  }
  t.same(await registry.projects(), []);
  t.equal((await ask('GET', '/healthz')).status, 200);
  t.equal(log.filter((line) => JSON.parse(line).level >= 50).length, 0, 'bad input is not logged as an error');
});
