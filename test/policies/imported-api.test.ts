import t from 'tap';
import { parse } from 'yaml';
import { readOpenApi } from '../../src/cli/import/openapi-document.ts';
import { projectOf } from '../../src/cli/import/openapi-project.ts';
import { check } from '../../src/config/check.ts';
import type { ProjectInput } from '../../src/model/project.ts';
import { pushedProject } from '../../src/projects/pushed-project.ts';
import { FakeContext, faultsOf, policyOf } from './run-policy.ts';
import { serveProject } from './served-project.ts';

const document = `openapi: 3.0.3
info: { title: shop }
servers: [{ url: /v1 }]
paths:
  /pets:
    post:
      requestBody: { required: true, content: { application/json: { schema: { $ref: "#/components/schemas/Pet" } }, image/png: {} } }
      responses:
        "201": { description: made, content: { application/json: { examples: { one: { value: { id: 1, name: Rex } } } } } }
    get:
      parameters: [{ name: limit, in: query, schema: { type: integer, maximum: 100 } }]
      responses: { "200": { description: all, content: { application/json: { schema: { type: array, items: { $ref: "#/components/schemas/Pet" } } } } } }
  /pets/{petId}:
    get:
      parameters: [{ name: petId, in: path, required: true, schema: { type: string, format: uuid } }]
      responses: { "200": { description: text, content: { text/plain: { example: hello } } } }
    delete: { responses: { "204": { description: gone }, default: { description: error } } }
components:
  schemas:
    Pet:
      type: object
      required: [id, name]
      properties:
        id: { type: integer, readOnly: true }
        name: { type: string, nullable: true, minLength: 1 }
        born: { type: string, format: date, example: "2020-01-02" }
        parent: { $ref: "#/components/schemas/Pet" }
`;
const target = 'http://127.0.0.1:1';
const imported = (options: { mock?: true } = {}): ProjectInput => {
  const { project } = projectOf(readOpenApi(Buffer.from(document)), { target, ...options });
  return { ...project, targets: { default: { url: '${variables.backend}' } } };
};

t.test('an imported API checks its requests at the gateway', async (t) => {
  const project = { ...imported(), policies: { proxyRequest: [{ validate: { openapi: true as const } }] } };
  t.notOk(check(project, pushedProject).faults);
  const { openapi: _, ...without } = project;
  t.match(check(without, pushedProject).faults, [
    { path: 'policies.proxyRequest.0.validate.openapi', message: /no part openapi. Import it with/ },
  ]);
  const broken: [api: ProjectInput['openapi'], fault: RegExp][] = [
    [
      { operations: { '/pets': { GET: { parameters: [{ name: 'a', in: 'query', schema: { pattern: '(' } }] } } } },
      /GET \/pets: .*missing closing/,
    ],
    [{ operations: {}, schemas: { A: { type: 'strng' } } }, /#\/openapi\/schemas\/A: .*type/],
    [{ operations: {}, schemas: { A: { $ref: '#/openapi/schemas/B' } } }, /A: refers to #\/openapi\/schemas\/B, which does not exist/],
    [{ operations: {}, schemas: { A: { $ref: 'http://example.com' } } }, /which does not exist/],
    [{ operations: {}, schemas: { A: { allOf: [{ $ref: '#/openapi/schemas/A' }] } } }, /A refers to itself without/],
    [{ operations: {}, schemas: { A: { patternProperties: { '(?=a)': true } } } }, /RE2/],
  ];
  for (const [api, message] of broken)
    t.match(check({ ...project, openapi: api }, pushedProject).faults, [{ path: 'policies.proxyRequest.0.validate.openapi', message }]);

  const served = await serveProject(t, project);
  const json = { 'content-type': 'application/json' };
  const send = async (...[method, path, headers, body]: Parameters<typeof served.send>) => {
    const { status, body: text } = await served.send(method, `/v1${path}`, headers, body);
    return [
      status,
      status === 422
        ? JSON.parse(text)
            .errors.map(({ path }: { path: string }) => path)
            .join()
        : text,
    ];
  };
  t.strictSame(await send('POST', '/pets', json, '{"name":null,"parent":{"name":"a"}}'), [200, 'ok']);
  t.strictSame(await send('POST', '/pets', json, '{"name":"","born":"2020-02-30","parent":{}}'), [
    422,
    'body.name,body.born,body.parent.name',
  ]);
  t.strictSame(await send('POST', '/pets', json, '{"name":"a","name":"b"}'), [422, 'body.name']);
  t.match(await send('POST', '/pets', { 'content-type': 'text/xml' }, '<a/>'), [415]);
  t.match(await send('POST', '/pets', { 'transfer-encoding': 'chunked' }, '{}'), [415]);
  t.strictSame(await send('POST', '/pets'), [422, 'body']);
  t.strictSame(await send('GET', '/pets?limit=101'), [422, 'query.limit']);
  t.strictSame(await send('GET', '/pets?limit=10'), [200, 'ok']);
  t.strictSame(await send('GET', '/pets/x'), [422, 'path.petId']);
  t.strictSame(await send('DELETE', '/pets/x'), [200, 'ok']);
  t.match(await send('POST', '/pets', json, `"${'x'.repeat(1_100_000)}"`), [413]);
  t.strictSame(
    await send('POST', '/pets', { 'content-type': 'image/png' }, Buffer.alloc(1_100_000)),
    [200, 'ok'],
    'not buffered, so not limited',
  );
  t.strictSame(served.arrived.length, 4);
});

t.test('a mock answers from the examples of the document, without a target', async (t) => {
  const project = imported({ mock: true });
  t.notOk(check(project, pushedProject).faults);
  const served = await serveProject(t, project);
  t.match(await served.send('POST', '/v1/pets'), {
    status: 201,
    headers: { 'content-type': 'application/json' },
    body: '{"id":1,"name":"Rex"}',
  });
  const list = await served.send('GET', '/v1/pets');
  t.match(JSON.parse(list.body), [{ id: 0, name: 'text', born: '2020-01-02', parent: { id: 0 } }]);
  t.match(await served.send('GET', '/v1/pets/1'), { status: 200, headers: { 'content-type': 'text/plain' }, body: 'hello' });
  t.match(await served.send('HEAD', '/v1/pets/1'), { status: 200, headers: { 'content-length': '5' }, body: '' });
  t.match(await served.send('DELETE', '/v1/pets/1'), { status: 204, body: '' });
  t.equal(served.arrived.length, 0);
});

t.test('respond: settings and their faults', async (t) => {
  const answer = (settings: object) => policyOf({ respond: settings }).run(new FakeContext());
  t.match(answer({ body: { a: [1] } }), { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from('{"a":[1]}') });
  t.match(answer({ status: 503, headers: { 'Retry-After': 60, 'x-list': ['a', 'b'] }, body: 'closed' }), {
    status: 503,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'Retry-After': ['60'], 'x-list': ['a', 'b'] },
    body: Buffer.from('closed'),
  });
  t.strictSame(answer({ status: 204 }), { status: 204, headers: {}, body: Buffer.alloc(0) });
  t.match(answer({ headers: { 'Content-Type': 'text/html' }, body: '<p>' }), { headers: { 'Content-Type': ['text/html'] } });
  const faults: [settings: object, fault: RegExp][] = [
    [{ status: 100 }, /respond\.status: must be a status from 200 to 599/],
    [{ status: 204, body: 'x' }, /respond\.body: must be left out/],
    [{ headers: { 'content-length': '3' } }, /must not be changed/],
    [{ headers: { a: 'b\r\nc: d' } }, /on one line/],
    [{ statuss: 200 }, /did you mean "status"/],
  ];
  for (const [settings, fault] of faults) t.match(faultsOf({ respond: settings }), [fault], JSON.stringify(settings));
  t.match(faultsOf({ respond: {} }, 'proxyResponse'), [/cannot run at proxyResponse/]);
});

t.test('each policy that an import suggests for a security scheme is one that a project can have', async (t) => {
  const schemes: [scheme: string, words: RegExp][] = [
    ['{ type: apiKey, in: header, name: x-key }', /apiKey: \{ header: "x-key"/],
    ['{ type: apiKey, in: header, name: Authorization }', /jwt: /],
    ['{ type: apiKey, in: query, name: key }', /apiKey: \{ query: "key"/],
    ['{ type: apiKey, in: cookie, name: key }', /apiKey: \{ cookie: "key"/],
    ['{ type: http, scheme: Basic }', /basicAuth: /],
    ['{ type: http, scheme: bearer, bearerFormat: JWT }', /jwt: /],
    ['{ type: oauth2, flows: {} }', /jwt: /],
    [
      '{ type: openIdConnect, openIdConnectUrl: "https://id.example.com/.well-known/openid-configuration" }',
      /issuer: "https:\/\/id\.example\.com"/,
    ],
    ['{ type: mutualTLS }', /clientCertificate: /],
  ];
  for (const [scheme, words] of schemes) {
    const text = `openapi: 3.1.0\ninfo: { title: a }\npaths: { /a: { get: {} } }\nsecurity: [{ one: [] }]\ncomponents: { securitySchemes: { one: ${scheme} } }\n`;
    const { project, security } = projectOf(readOpenApi(Buffer.from(text)), { target });
    t.strictSame([project.policies, security.guarded], [undefined, ['GET /a']], 'no policy is set up');
    const [suggestion] = security.suggestions;
    t.match(suggestion?.policy, words, scheme);
    const entry = parse(suggestion?.policy ?? '');
    t.strictSame(check({ ...project, policies: { proxyRequest: [entry] } }, pushedProject).faults ?? [], [], scheme);
  }
  const digest = '{ type: http, scheme: digest }';
  const text = `openapi: 3.1.0\ninfo: { title: a }\npaths: { /a: { get: {} } }\ncomponents: { securitySchemes: { one: ${digest} } }\n`;
  t.match(projectOf(readOpenApi(Buffer.from(text)), { target }).security.suggestions, [
    { scheme: 'one: the HTTP scheme digest', policy: undefined },
  ]);
});
