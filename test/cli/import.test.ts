import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { parse } from 'yaml';
import { controlUnderTest } from '../control/control-under-test.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { operating, run } from './command-line.ts';

const petstore = `openapi: "3.0.3"
info: { title: "Swagger Pet—störe!", version: "1.0.2" }
servers:
  - url: "https://{region}.example.com/{base}/"
    variables: { region: { default: eu }, base: { default: v2 } }
  - url: /v3
paths:
  /pets:
    parameters: [{ name: limit, in: query, schema: { type: integer } }]
    get: { responses: { "200": { description: ok } } }
    post: { responses: { "201": { description: made } } }
  /pets/{petId}: { $ref: "#/components/pathItems/Pet" }
  /pets/{id}/:
    delete: { responses: { "204": { description: gone } } }
  /files/{name}.json: { get: {}, head: {} }
  /later: { summary: not yet }
  x-internal: { anything: true }
components:
  pathItems:
    Pet: { get: { responses: {} }, patch: { responses: {} } }
  securitySchemes:
    key: { type: apiKey, in: header, name: x-key }
`;
const limit = { name: 'limit', in: 'query', schema: { type: 'integer' } };
const wanted = {
  name: 'swagger-pet-store',
  version: '1.0.2',
  basePath: '/v2',
  targets: { default: { url: 'http://127.0.0.1:9201' } },
  resources: [
    { path: '/pets', methods: ['GET', 'POST'] },
    { path: '/pets/{petId}', methods: ['GET', 'PATCH', 'DELETE'] },
    { path: '/files/{name}.json', methods: ['GET', 'HEAD'] },
  ],
  openapi: {
    target: 'http://127.0.0.1:9201',
    operations: {
      '/pets': { GET: { parameters: [limit] }, POST: { parameters: [limit] } },
      '/pets/{petId}': { GET: {}, PATCH: {}, DELETE: {} },
      '/files/{name}.json': { GET: {}, HEAD: {} },
    },
  },
};
const target = ['--target', 'http://127.0.0.1:9201'];

test('a document becomes a project, without a balancer', async (t) => {
  const files = { 'api.yaml': petstore, 'api.json': JSON.stringify(parse(petstore)) };
  const folder = ownFolder(t, files);
  for (const file of ['api.yaml', 'api.json']) {
    const { status, out, err } = await run(['project', 'import', `${folder}/${file}`, ...target, '--print']);
    t.equal(status, 0, err);
    t.strictSame(parse(out), wanted);
    t.match(out, /^# Made from .*api\.(yaml|json) by "sluice project import"\.\n(# .*\n)+\nname: swagger-pet-store\n/);
    t.match(out, /\n {2}- \{ path: \/pets, methods: \[ GET, POST \] \}\n/);
    t.match(err, /servers have different paths, \/v2, \/v3: the first is used; choose another with --base-path/);
    t.match(
      err,
      /\/v2\/pets goes to http:\/\/127\.0\.0\.1:9201\/pets: if the target expects \/v2 in front, give --target http:\/\/127\.0\.0\.1:9201\/v2/,
    );
    t.match(err, /security schemes, and NOTHING in the project checks them: every request goes to the target/);
    for (const text of [out, err]) t.match(text, /key: an API key in the header field x-key -> - apiKey: \{ header: "x-key", keys: /);
    t.match(err, /left out, because they have no operations: \/later/);
  }
  const bare = 'openapi: 3.0.0\ninfo: { title: Bare }\npaths: { /a: { get: {} } }\n';
  t.match(await run(['project', 'import', `${ownFolder(t, { bare })}/bare`, ...target, '--print']), {
    out: /\nbasePath: \/\n/,
    err: 'note: the base path is /, so the project claims every path of an environment: give a narrower one with --base-path',
  });
  const named = ['--name', 'pets', '--base-path', '/animals/'];
  const written = `${folder}/project.yaml`;
  t.match(await run(['project', 'import', `${folder}/api.yaml`, ...target, ...named, '-o', written]), { status: 0, out: '' });
  t.match(await run(['project', 'validate', written]), { status: 0, out: /is valid: project pets/ });
  t.match(readFileSync(written, 'utf8'), /basePath: \/animals\n/);
  t.match(await run(['project', 'import', `${folder}/api.yaml`, ...target, '-o', written]), {
    status: 1,
    err: /error: cannot write .*project\.yaml: it already exists/,
  });
  t.match(await run(['project', 'import', `${folder}/api.yaml`, ...target, '-o', `${folder}/no/such`]), {
    status: 1,
    err: /its folder does not exist/,
  });
});

test('an imported project is pushed, and importing the same document again makes no new revision', async (t) => {
  const under = await controlUnderTest(t, { files: { 'api.yaml': petstore } });
  const sluice = operating(under);
  const words = ['project', 'import', `${under.folder}/api.yaml`, ...target];
  t.match(await sluice(...words), { status: 0, out: 'swagger-pet-store@1' });
  t.match(await sluice(...words, '--name', 'pets', '--json'), { status: 0, out: /"name": "pets",\s+"revision": 1/ });
  t.match(await sluice(...words), { status: 0, out: 'swagger-pet-store@1' });
  t.match((await under.registry.revision('swagger-pet-store', 1))?.project.resources, wanted.resources);
});

test('every fault of a document is reported with its line', async (t) => {
  const document = (paths: string, head = 'openapi: 3.1.0\ninfo: { title: Pets, version: 1 }\n') => `${head}paths:\n${paths}`;
  const table: [name: string, text: string, words: RegExp[]][] = [
    ['swagger', 'swagger: "1.2"\ninfo: { title: a, version: "1" }\npaths: {}\n', [/:1: swagger: must be "2\.0"/]],
    ['both', 'swagger: "2.0"\nopenapi: 3.0.0\n', [/:1: swagger: stands beside openapi/]],
    ['version', document('  /a: { get: {} }\n', 'openapi: 4.0.0\n'), [/:1: openapi: must be 3\.0, 3\.1 or 3\.2/, /: info: is missing/]],
    ['unlike', 'hello: world\n', [/unlike: openapi: is missing: this is not an OpenAPI document/]],
    ['empty', '', [/empty: openapi: is missing/]],
    ['list', '- 1\n', [/list: openapi: is missing/]],
    ['none', 'openapi: 3.0.0\ninfo: { title: a }\n', [/paths: has no operations/]],
    [
      'title',
      document('  /a: { get: {} }\n', 'openapi: 3.0.0\ninfo:\n  title: "???"\n  version: "1"\n'),
      [/info\.title: cannot be made into a project name: .*--name/],
    ],
    [
      'references',
      document(
        '  /file: { $ref: "other.yaml#/a" }\n  /nowhere: { $ref: "#/components/none" }\n  /circle: { $ref: "#/paths/~1circle" }\n  /number: { $ref: 1 }\n  /remote: { $ref: "https://example.com/a.yaml" }\n',
      ),
      [
        /:4: .*"other\.yaml#\/a", which is outside this document: bundle/,
        /:8: .*"https:\/\/example\.com\/a\.yaml", .*nothing is fetched from other servers: bundle/,
        /:5: .*"#\/components\/none", which does not exist/,
        /:6: .*in a circle/,
        /:7: .*not text/,
      ],
    ],
    ['yaml', 'openapi: "3.0.0\n', [/:\d: .*not valid YAML/]],
    ['additional', document('  /a: { additionalOperations: { "not a method": {} } }\n'), [/methods.*capitals/]],
  ];
  for (const [name, text, words] of table) {
    const folder = ownFolder(t, { [name]: text });
    const { status, out, err } = await run(['project', 'import', `${folder}/${name}`, ...target, '--print']);
    t.equal(status, 1, name);
    t.equal(out, '');
    for (const word of words) t.match(err, word, name);
    t.notMatch(err, /at .*\.ts|internal error/, name);
  }
});

test('a path that cannot be used is told with its line, and the others are imported', async (t) => {
  const text = `openapi: 3.1.0
info: { title: Pets, version: 1 }
paths:
  pets: { get: {} }
  "/a?b": { get: {} }
  "/x/{a}{b}": { get: {} }
  /ok: { get: { servers: [{ url: /other }] }, servers: [] }
  "/open/{a": { get: {} }
  /list: [get]
  "/a//b": { get: {} }
  /file: { $ref: "other.yaml#/a" }
  /circle: { $ref: "#/paths/~1circle" }
  /a%zz: { get: {} }
  /odd: { additionalOperations: { "not a method": {} } }
  /with/{path*}: { get: {} }
  /same/{a}: { get: {} }
  /same/{b}/: { get: {}, put: {} }
  /parts: { get: { parameters: [{ $ref: "#/nowhere" }, { name: q, in: query, schema: { pattern: "(?=a)" } }] } }
`;
  const { status, out, err } = await run(['project', 'import', `${ownFolder(t, { api: text })}/api`, ...target, '--print']);
  t.equal(status, 0, err);
  t.strictSame(
    parse(out).resources.map(({ path, methods }: { path: string; methods: string[] }) => `${methods.join()} ${path}`),
    ['GET /ok', 'GET /with/{path*}', 'GET,PUT /same/{a}', 'GET /parts'],
  );
  for (const words of [
    /api:4: paths\.pets: must start with "\/"/,
    /api:5: paths\.\/a\?b: must not contain spaces/,
    /api:6: paths\.\/x\/\{a\}\{b\}: cannot be used: .*two parameters with nothing between/,
    /api:7: paths\.\/ok\.servers: are not used: requests go to the target/,
    /api:7: paths\.\/ok\.get\.servers: are not used/,
    /api:8: paths\.\/open\/\{a: cannot be used/,
    /api:9: paths\.\/list: must be a map of operations/,
    /api:10: paths\.\/a\/\/b: must not contain/,
    /api:11: .*"other\.yaml#\/a", which is outside this document/,
    /api:12: .*in a circle/,
    /api:13: paths\.\/a%zz: path: .*broken percent-encoding/,
    /api:14: .*methods.*capitals/,
    /api:15: .*\{path\*\}, which matches one segment/,
    /api:17: paths\.\/same\/\{b\}\/\.get: is left out: \/same\/\{a\} has the same form/,
    /api:18: paths\.\/parts\.get\.parameters\.0: refers to "#\/nowhere", which does not exist; it is not checked/,
    /api:18: paths\.\/parts\.get\.parameters\.1\.schema\.pattern: is not checked: the engine for patterns/,
  ])
    t.match(err, words);
});

const swagger = `swagger: "2.0"
info: { title: Old, version: "1" }
host: old.example.com
basePath: /v1
consumes: [application/json]
securityDefinitions:
  name: { type: basic }
  cookie: { type: apiKey, in: query, name: k }
security: [{ name: [], cookie: [] }]
paths:
  /things:
    get:
      security: []
      parameters:
        - { name: ids, in: query, type: array, items: { type: integer }, collectionFormat: ssv }
        - { $ref: "#/parameters/max" }
    post:
      parameters: [{ name: thing, in: body, required: true, schema: { $ref: "#/definitions/Thing" } }]
  /files:
    post: { parameters: [{ name: file, in: formData, type: file, required: true }, { name: note, in: formData, type: string }] }
parameters: { max: { name: max, in: query, type: integer, maximum: 9, exclusiveMaximum: true } }
definitions:
  Thing:
    required: [id, name]
    properties:
      id: { type: integer, readOnly: true }
      name: { type: string, x-nullable: true, description: left out }
      parts: { type: array, items: { $ref: "#/definitions/Thing" } }
      loop: { $ref: "#/definitions/Loop" }
  Loop: { allOf: [{ $ref: "#/definitions/Loop" }] }
  Unused: { type: string }
`;

test('OpenAPI 2.0, 3.0 and 3.1 become one form of schemas', async (t) => {
  const imported = async (text: string) => {
    const { out, err } = await run(['project', 'import', `${ownFolder(t, { api: text })}/api`, ...target, '--print', '--json']);
    return { project: JSON.parse(out || '{}'), err };
  };
  const { project, err } = await imported(swagger);
  t.match(project, { name: 'old', basePath: '/v1' });
  const ref = (name: string) => ({ $ref: `#/openapi/schemas/${name}` });
  t.strictSame(project.openapi.operations, {
    '/things': {
      GET: {
        parameters: [
          { name: 'ids', in: 'query', style: 'spaceDelimited', explode: false, schema: { type: 'array', items: { type: 'integer' } } },
          { name: 'max', in: 'query', schema: { type: 'integer', exclusiveMaximum: 9 } },
        ],
      },
      POST: { body: { required: true, content: { 'application/json': { schema: ref('Thing') } } } },
    },
    '/files': { POST: { body: { required: true, content: { 'multipart/form-data': {} } } } },
  });
  t.strictSame(project.openapi.schemas, {
    Loop: true,
    Thing: {
      properties: {
        id: { type: 'integer' },
        name: { type: ['string', 'null'] },
        parts: { type: 'array', items: ref('Thing') },
        loop: ref('Loop'),
      },
      required: ['name'],
    },
  });
  t.match(err, /definitions\.Loop: refers to itself without describing anything: it is not checked/);
  t.match(err, /name: name and password -> - basicAuth: \{ users: /);
  t.match(err, /cookie: an API key in the query parameter k -> - apiKey: \{ query: "k"/);
  t.match(err, /2 operations need one, 1 do not \(GET \/things\): add them to policies\.proxyRequest of the resources that need them/);
  t.match(err, /need several together/);
  const body = (version: string, schema: string) =>
    `openapi: ${version}\ninfo: { title: a }\npaths:\n  /a:\n    post: { requestBody: { content: { "application/json; charset=utf-8": { schema: ${schema} }, image/png: { schema: {} } } } }\n`;
  const schemaOf = async (version: string, schema: string) =>
    (await imported(body(version, schema))).project.openapi.operations['/a'].POST.body.content;
  t.strictSame(await schemaOf('3.0.3', '{ type: integer, nullable: true, minimum: 1, exclusiveMinimum: true, example: 2 }'), {
    'application/json': { schema: { type: ['integer', 'null'], exclusiveMinimum: 1 } },
    'image/png': {},
  });
  t.strictSame((await schemaOf('3.0.3', '{ nullable: true, allOf: [{ type: object }] }'))['application/json'].schema, {
    anyOf: [{ type: 'null' }, { allOf: [{ type: 'object' }] }],
  });
  t.strictSame(
    (await schemaOf('3.1.0', '{ type: [integer, "null"], exclusiveMinimum: 1, const: 3, nullable: true }'))['application/json'].schema,
    {
      type: ['integer', 'null'],
      const: 3,
      exclusiveMinimum: 1,
    },
  );
  t.strictSame((await schemaOf('3.1.0', '{ type: array, items: [{ type: string }], additionalItems: false }'))['application/json'].schema, {
    type: 'array',
    prefixItems: [{ type: 'string' }],
    items: false,
  });
});

test('importing again keeps what was edited, and shows what changes', async (t) => {
  const next = petstore
    .replace('  /later: { summary: not yet }', '  /orders: { post: {} }')
    .replace('    post: { responses: { "201": { description: made } } }', '    put: {}')
    .replace('  /files/{name}.json: { get: {}, head: {} }\n', '')
    .replace('type: integer', 'type: integer, minimum: 1');
  const under = await controlUnderTest(t, { files: { 'api.yaml': petstore, 'next.yaml': next } });
  const sluice = operating(under);
  const words = (file: string, ...more: string[]) => ['project', 'import', `${under.folder}/${file}`, ...target, '--name', 'pets', ...more];
  t.match(await sluice(...words('api.yaml', '--dry-run')), { status: 0, out: /would make the project pets, with 3 resources/ });
  t.match(await sluice(...words('api.yaml')), { status: 0, out: 'pets@1' });
  t.match(await sluice(...words('api.yaml', '--dry-run')), { status: 0, out: /nothing would change/ });
  const key = { apiKey: { header: 'x-key', keys: ['one'] } };
  const edited = {
    ...wanted,
    name: 'pets',
    basePath: '/animals',
    targets: { default: { url: 'http://127.0.0.1:9201', timeouts: { connect: '1s' } }, other: { url: 'http://127.0.0.1:9202' } },
    policies: { proxyRequest: [key] },
    resources: [
      { path: '/pets', methods: ['GET', 'POST'], policies: { proxyRequest: [key] } },
      { path: '/pets/{petId}', methods: ['GET', 'PATCH'], target: 'other' },
      { path: '/files/{name}.json', methods: ['GET', 'HEAD'], policies: { proxyRequest: [key] } },
      { path: '/own', childPaths: true },
    ],
  };
  const folder = ownFolder(t, { 'edited.json': JSON.stringify(edited) });
  t.match(await sluice('project', 'push', `${folder}/edited.json`), { status: 0, out: 'pets@2' });
  const changes = [
    '- POST /pets \\(with its policies apiKey\\)',
    '\\+ PUT /pets',
    '\\+ POST /orders',
    '- GET /files/\\{name\\}\\.json \\(with its policies apiKey\\)',
    '~ GET /pets: parameters or body',
  ].map((line) => new RegExp(`^${line}$`, 'm'));
  const dry = await sluice(...words('next.yaml', '--dry-run'));
  t.equal(dry.status, 0, dry.err);
  for (const line of changes) t.match(dry.out, line);
  t.match(dry.err, /not added again, since they were removed from the project by hand: DELETE \/pets\/\{petId\}/);
  t.match(dry.err, /the base path stays \/animals; the document has \/v2/);
  t.match(JSON.parse((await sluice(...words('next.yaml', '--dry-run', '--json'))).out), { name: 'pets', changes: ['+ PUT /pets'] });
  const pushed = await sluice(...words('next.yaml'));
  t.match(pushed, { status: 0, out: 'pets@3' });
  for (const line of changes) t.match(pushed.err, line);
  const now = (await under.registry.revision('pets', 3))?.project;
  t.match(now, { basePath: '/animals', targets: edited.targets, policies: edited.policies });
  t.strictSame(
    now?.resources.map(({ path, methods, policies, target }) => [methods?.join(), path, policies.proxyRequest.length, target]),
    [
      ['GET,PUT', '/pets', 1, 'default'],
      ['GET,PATCH', '/pets/{petId}', 0, 'other'],
      [undefined, '/own', 0, 'default'],
      ['POST', '/orders', 0, 'default'],
    ],
  );
  t.match(await sluice(...words('next.yaml', '--base-path', '/v9', '--dry-run')), { out: /^~ basePath: \/animals -> \/v9$/ });
  t.match(await sluice(...words('next.yaml', '--replace')), { status: 0, out: 'pets@4' });
  t.match((await under.registry.revision('pets', 4))?.project, {
    basePath: '/v2',
    targets: wanted.targets,
    policies: { proxyRequest: [] },
  });
});

test('wrong options are reported before the file is read', async (t) => {
  t.match(await run(['project', 'import', 'none.yaml']), { status: 2, err: /--target/ });
  t.match(await run(['project', 'import', 'none.yaml', '--target', 'ftp://x']), { status: 2, err: /http:\/\/ or https:\/\/ URL/ });
  t.match(await run(['project', 'import', 'none.yaml', ...target, '--base-path', 'v1']), {
    status: 2,
    err: /must be a path: starting with \//,
  });
  t.match(await run(['project', 'import', 'none.yaml', ...target, '--name', 'a b']), { status: 2, err: /letters, digits/ });
  t.match(await run(['project', 'import', 'none.yaml', ...target]), { status: 1, err: /none\.yaml: there is no such file/ });
  t.match(await run(['project', 'import', 'none.yaml', ...target, '--print', '-o', 'x']), { status: 1, err: /either --print or --output/ });
});
