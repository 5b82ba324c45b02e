import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'tap';
import { ownFolder } from '../tools/own-folder.ts';
import { run } from './command-line.ts';

const target = ['--target', 'http://127.0.0.1:9201'];

test('a document of several megabytes is imported, one above the limit is refused', async (t) => {
  const paths = Object.fromEntries(
    Array.from({ length: 900 }, (_, index) => [
      `/things-${index}/{id}`,
      { get: { description: 'x'.repeat(2000), responses: { 200: { description: 'ok' } } }, put: { responses: {} } },
    ]),
  );
  const folder = ownFolder(t, {
    'large.json': JSON.stringify({ openapi: '3.1.0', info: { title: 'Large', version: '1' }, paths }, null, 1),
    'larger.json': Buffer.alloc(33 * 1024 * 1024, ' '),
  });
  const started = performance.now();
  const { status, out } = await run(['project', 'import', `${folder}/large.json`, ...target, '--print', '--json']);
  t.comment(`${Math.round(performance.now() - started)} ms for ${readFileSync(`${folder}/large.json`).length} bytes`);
  t.equal(status, 0);
  t.equal(JSON.parse(out).resources.length, 900);
  t.match(await run(['project', 'import', `${folder}/larger.json`, ...target]), { status: 1, err: /at most 33554432 are read/ });
});

test('a large YAML document is read part by part, as it is read whole', async (t) => {
  const described = `description: |
        # not a comment
        paths: { "of": no meaning }
        - text
`;
  const path = (index: number) => `  ${index === 500 ? '? ' : ''}"/things-${index}/{id}"${index === 500 ? '\n  ' : ''}:
    # ${'x'.repeat(1000)}
    get:
      ${described}      parameters:
      - { name: id, in: path, required: true, schema: { type: string } }
`;
  const paths = Array.from({ length: 1000 }, (_, index) => path(index)).join('');
  const head = '---\n# of a generator\nopenapi: 3.0.0\ninfo:\n  title: Large\ntags:\n- name: one\n- name: two\n';
  const text = `${head}paths:\n${paths}  bad: {}\n\nservers:\n- url: /v1\n`;
  const folder = ownFolder(t, {
    'large.yaml': text,
    'doubled.yaml': text.replace('"/things-990/', '"/things-1/'),
    'broken.yaml': text.replace('"/things-990/{id}":', '"/things-990/{id}:'),
  });
  const imported = (file: string) => run(['project', 'import', `${folder}/${file}`, ...target, '--print', '--json']);
  const { status, out, err } = await imported('large.yaml');
  t.equal(status, 0, err);
  const { resources, basePath } = JSON.parse(out);
  t.equal(resources.length, 1000);
  t.equal(basePath, '/v1');
  const lines = text.split('\n');
  t.match(err, new RegExp(`large\\.yaml:${lines.indexOf('  bad: {}') + 1}: paths\\.bad: must start`));
  const doubled = lines.indexOf('  "/things-990/{id}":') + 1;
  t.match(await imported('doubled.yaml'), { status: 1, err: new RegExp(`doubled\\.yaml:${doubled}: .*is given twice`) });
  t.match(await imported('broken.yaml'), { status: 1, err: /broken\.yaml:\d+: .*not valid YAML/ });
});

test('hostile documents are refused or told, within seconds', async (t) => {
  const head = '"openapi": "3.1.0", "info": { "title": "a" }';
  const post = (schema: string) =>
    `"paths": { "/a": { "post": { "requestBody": { "content": { "application/json": { "schema": ${schema} } } } } } }`;
  const chain = Array.from(
    { length: 2000 },
    (_, index) => `"s${index}": { "allOf": [{ "$ref": "#/components/schemas/s${(index + 1) % 2000}" }] }`,
  );
  const table: [name: string, text: string, status: number, words: RegExp][] = [
    ['doubled', `{ ${head}, "paths": {}, "p\\u0061ths": {} }`, 1, /doubled:1: paths: is given twice/],
    ['deep', `{ ${head}, "x": ${'['.repeat(50_000)}${']'.repeat(50_000)} }`, 1, /nests deeper than/],
    ['prototype', `{ ${head}, ${post('{ "properties": { "__proto__": { "type": "string" } } }')} }`, 0, /__proto__: is not checked/],
    [
      'chain',
      `{ ${head}, ${post('{ "$ref": "#/components/schemas/s0" }')}, "components": { "schemas": { ${chain.join()} } } }`,
      0,
      /s0: refers to itself/,
    ],
    ['own', `{ ${head}, ${post('{ "$ref": "#/paths/~1a/post/requestBody/content/application~1json/schema" }')} }`, 0, /refers to itself/],
    ['remote', `{ ${head}, ${post('{ "$ref": "http://169.254.169.254/x" }')} }`, 0, /nothing is fetched from other servers/],
    ['dynamic', `{ ${head}, ${post('{ "$dynamicRef": "#x" }')} }`, 0, /uses \$dynamicRef/],
    ['terminal', `{ ${head}, "paths": { "/\\u001b[2J": { "get": {} }, "/b": { "get": {} } } }`, 0, /warning: /],
    [
      'aliases',
      `openapi: 3.0.0\ninfo: { title: a }\nx: &x [a, a, a, a, a, a, a, a]\n${[...'abcdefgh'].map((one, index, all) => `${one}: &${one} [${Array(9).fill(`*${all[index - 1] ?? 'x'}`)}]`).join('\n')}\n`,
      1,
      /too many values|depth|fewer aliases/,
    ],
  ];
  for (const [name, text, wanted, words] of table) {
    const { status, out, err } = await run([
      'project',
      'import',
      `${ownFolder(t, { [name]: text })}/${name}`,
      ...target,
      '--print',
      '--json',
    ]);
    t.equal(status, wanted, `${name}: ${err}`);
    t.match(err, words, name);
    t.notMatch(out + err, /at .*\.ts/, name);
    t.notOk(`${out}${err}`.includes('\u001b'), name);
  }
});

test('--update brings a project file up to date, with its comments', async (t) => {
  const api = (paths: string) => `openapi: 3.0.0\ninfo: { title: Shop, version: "2" }\nservers: [{ url: /shop }]\npaths: { ${paths} }\n`;
  const folder = ownFolder(t, {
    'one.yaml': api('/a: { get: {} }, /b: { get: {} }'),
    'two.yaml': api('/a: { get: {}, put: {} }, /c: { get: {} }'),
  });
  const file = `${folder}/project.yaml`;
  const imported = (document: string, ...words: string[]) => run(['project', 'import', `${folder}/${document}`, ...target, ...words]);
  t.equal((await imported('one.yaml', '-o', file)).status, 0);
  const edited = readFileSync(file, 'utf8')
    .replace('name: shop', 'name: shop-eu # of Europe')
    .replace('  default:', '  # the service\n  default:')
    .replace('openapi:', 'policies:\n  # callers\n  proxyRequest: [ { apiKey: { keys: [ "one" ] } } ]\nopenapi:');
  writeFileSync(file, edited);
  t.match(await imported('one.yaml', '--update', file, '--dry-run'), { status: 0, out: 'nothing would change' });
  const dry = await imported('two.yaml', '--update', file, '--dry-run');
  t.strictSame(dry.out.split('\n'), ['+ PUT /a', '+ GET /c', '- GET /b']);
  t.equal(readFileSync(file, 'utf8'), edited);
  t.match(await imported('two.yaml', '--update', file), { status: 0, out: dry.out });
  const text = readFileSync(file, 'utf8');
  t.match(text, /name: shop-eu # of Europe\n/);
  t.match(text, /# the service\n {2}default:\n/);
  t.match(text, /# callers\n {2}proxyRequest: \[ \{ apiKey: \{ keys: \[ "one" \] \} \} \]\n/);
  t.match(text, /\n {2}- \{ path: \/a, methods: \[ GET, PUT \] \}\n {2}- \{ path: \/c, methods: \[ GET \] \}\n/);
  t.match(await run(['project', 'validate', file]), { status: 0 });
  t.match(await imported('two.yaml', '--update', `${folder}/none.yaml`), { status: 1, err: /no such file/ });
  t.match(await imported('two.yaml', '--update', `${folder}/one.yaml`), { status: 1, err: /one\.yaml was refused/ });
  t.match(await imported('two.yaml', '--update', file, '--print'), { status: 1, err: /not several/ });
});
