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
};
const target = ['--target', 'http://127.0.0.1:9201'];

test('a document becomes a project, without a balancer', async (t) => {
  const files = { 'api.yaml': petstore, 'api.json': JSON.stringify(parse(petstore)) };
  const folder = ownFolder(t, files);
  for (const file of ['api.yaml', 'api.json']) {
    const { status, out, err } = await run(['project', 'import', `${folder}/${file}`, ...target, '--print']);
    t.equal(status, 0, err);
    t.strictSame(parse(out), wanted);
    t.match(out, /^# Made from .*api\.(yaml|json) by "sluice project import"\.\n\nname: swagger-pet-store\n/);
    t.match(out, /\n {2}- \{ path: \/pets, methods: \[ GET, POST \] \}\n/);
    t.match(err, /servers have different paths, \/v2, \/v3: the first is used; choose another with --base-path/);
    t.match(
      err,
      /\/v2\/pets goes to http:\/\/127\.0\.0\.1:9201\/pets: if the target expects \/v2 in front, give --target http:\/\/127\.0\.0\.1:9201\/v2/,
    );
    t.match(err, /the security schemes key are not imported: checking them is left to the target/);
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
    ['swagger', 'swagger: "2.0"\ninfo: { title: a, version: "1" }\npaths: {}\n', [/:1: swagger: means OpenAPI 2/]],
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
      'paths',
      document(
        '  pets: { get: {} }\n  "/a?b": { get: {} }\n  "/x/{a}{b}": { get: {} }\n  /ok: { get: {} }\n  "/open/{a": { get: {} }\n  /list: [get]\n  "/a//b": { get: {} }\n',
      ),
      [
        /:4: paths\.pets: must start with "\/"/,
        /:5: paths\.\/a\?b: must not contain spaces/,
        /:6: paths\.\/x\/\{a\}\{b\}: cannot be used: .*two parameters with nothing between/,
        /:8: paths\.\/open\/\{a: cannot be used/,
        /:9: paths\.\/list: must be a map of operations/,
        /:10: paths\.\/a\/\/b: must not contain/,
        /was refused: 6 faults/,
      ],
    ],
    [
      'references',
      document(
        '  /file: { $ref: "other.yaml#/a" }\n  /nowhere: { $ref: "#/components/none" }\n  /circle: { $ref: "#/paths/~1circle" }\n  /number: { $ref: 1 }\n',
      ),
      [
        /:4: .*"other\.yaml#\/a", which is outside this document: bundle/,
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

test('a document of several megabytes is imported, one above the limit is refused', async (t) => {
  const paths = Object.fromEntries(
    Array.from({ length: 900 }, (_, index) => [
      `/things-${index}/{id}`,
      { get: { description: 'x'.repeat(2000), responses: { 200: { description: 'ok' } } }, put: { responses: {} } },
    ]),
  );
  const folder = ownFolder(t, {
    'large.json': JSON.stringify({ openapi: '3.1.0', info: { title: 'Large', version: '1' }, paths }, null, 1),
    'larger.json': Buffer.alloc(17 * 1024 * 1024, ' '),
  });
  const started = performance.now();
  const { status, out } = await run(['project', 'import', `${folder}/large.json`, ...target, '--print', '--json']);
  t.comment(`${Math.round(performance.now() - started)} ms for ${readFileSync(`${folder}/large.json`).length} bytes`);
  t.equal(status, 0);
  t.equal(JSON.parse(out).resources.length, 900);
  t.match(await run(['project', 'import', `${folder}/larger.json`, ...target]), { status: 1, err: /at most 16777216 are read/ });
});
