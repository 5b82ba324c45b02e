import t from 'tap';
import type { ImportedApi } from '../../src/model/imported-api.ts';
import type { PolicyAnswer } from '../../src/policies/contract.ts';
import { compile, type Entry, FakeContext, faultsOf } from './run-policy.ts';

type Given = ConstructorParameters<typeof FakeContext>[0] & { readonly body?: string | Buffer };

/** Runs one policy `validate` on requests. */
function validating(settings: Entry, imported?: { readonly api: ImportedApi; readonly resources: readonly string[] }) {
  const { policy, faults } = compile({ validate: settings }, 'proxyRequest', undefined, imported);
  if (policy === undefined) throw new Error(faults.join('; '));
  return async ({ body, ...given }: Given = {}): Promise<PolicyAnswer | undefined> => {
    const context = new FakeContext({ method: 'POST', ...given });
    context.body = Buffer.from(body ?? '');
    return policy.run(context);
  };
}

/** Each fault as `path: message`; undefined: the request may pass; a number: the status of another refusal. */
function faultsIn(answer: PolicyAnswer | undefined): string[] | number | undefined {
  if (answer === undefined) return undefined;
  if (answer.status !== 422) return answer.status;
  const problem = JSON.parse(String(answer.body));
  return problem.errors.map(({ path, message }: { path: string; message: string }) => `${path}: ${message}`);
}

const json = (body: unknown, type = 'application/json'): Given => ({
  headers: { 'content-type': type },
  body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
});

t.test('a body is checked against a schema, and every fault has an entry', async (t) => {
  const run = validating({
    body: {
      type: 'object',
      required: ['name', 'constructor'],
      properties: {
        name: { type: 'string', pattern: '^[a-z]+$' },
        age: { type: 'integer', minimum: 0 },
        mail: { type: 'string', format: 'email' },
        kind: { enum: ['cat', 'dog'] },
        tags: { type: 'array', uniqueItems: true, items: { type: ['string', 'object'] } },
        code: { pattern: '^[0-9]+$' },
        constructor: {},
      },
      additionalProperties: false,
    },
  });
  const whole = { name: 'rex', constructor: 1 };
  t.equal(await run(json(whole)), undefined);
  t.equal(await run(json({ ...whole, tags: ['a', 'b', { a: 1, b: 2 }], code: '12' })), undefined);
  const answer = await run(
    json({
      name: 'Rex',
      age: -1.5,
      mail: 'x',
      kind: 'cow',
      more: 1,
      tags: [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
      code: 'a',
    }),
  );
  t.match(answer, { status: 422, headers: { 'content-type': 'application/problem+json' } });
  t.match(JSON.parse(String(answer?.body)), { code: 'request-invalid', status: 422, requestId: 'id-1' });
  t.strictSame(
    new Set(faultsIn(answer) as string[]),
    new Set([
      'body.constructor: is missing',
      'body.more: is not allowed here',
      'body.name: must match pattern "^[a-z]+$"',
      'body.age: must be integer',
      'body.age: must be >= 0',
      'body.mail: must match format "email"',
      'body.kind: must be one of "cat", "dog"',
      'body.tags: must not have two equal items',
      'body.code: must match pattern "^[0-9]+$"',
    ]),
  );
  const table: [given: Given, faults: string[] | number | undefined][] = [
    [json('{"name":"a","constructor":1,"n\\u0061me":"b"}'), ['body.name: is given twice']],
    [json('{"name":"a","constructor":1,"tags":[{},{"x":{"y":1,"y":2}}]}'), ['body.tags.1.x.y: is given twice']],
    [json('{"name"'), ['body: is not valid JSON']],
    [json(Buffer.from([0x22, 0xff, 0x22])), ['body: is not valid JSON']],
    [json('\ufeff{}'), ['body: is not valid JSON']],
    [json(`${'['.repeat(5000)}${']'.repeat(5000)}`), ['body: nests deeper than 200 levels']],
    [json(''), ['body: is missing']],
    [{}, ['body: is missing']],
    [json(whole, 'Application/JSON; Charset="UTF-8"'), undefined],
    [json(whole, 'application/json; charset=utf-16'), 415],
    [json(whole, 'text/xml'), 415],
    [json(whole, 'application/json, text/xml'), 415],
    [json(whole, 'nonsense'), 415],
    [{ body: '{}' }, 415],
    [{ body: '{}', headers: { 'content-length': '2' } }, 415],
    [{ ...json(whole), headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' } }, 415],
    [{ ...json(whole), headers: { 'content-type': 'application/json', 'content-encoding': 'identity' } }, undefined],
  ];
  for (const [given, faults] of table) t.strictSame(faultsIn(await run(given)), faults, JSON.stringify(given));
  t.match((await run(json(whole, 'text/xml')))?.headers, { accept: 'application/json' });
  const optional = validating({
    body: { type: 'object' },
    bodyRequired: false,
    contentTypes: ['application/json', 'application/x-www-form-urlencoded'],
  });
  t.equal(await optional({}), undefined);
  t.equal(await optional(json('a=1', 'application/x-www-form-urlencoded')), undefined);
});

t.test('a large body with a fault in each value, and hostile patterns and lists, cost little', async (t) => {
  const many = validating({ body: { type: 'array', items: { type: 'string' } } });
  t.strictSame(faultsIn(await many(json(`[${'0,'.repeat(400_000)}0]`))), ['body.0: must be string']);
  t.equal((faultsIn(await many(json(`[${'0,'.repeat(1000)}0]`))) as string[]).length, 100);
  const evil = validating({ body: { type: 'string', pattern: '^(a+)+$' } });
  t.match(faultsIn(await evil(json(`"${'a'.repeat(50_000)}!"`))), [/must match pattern/]);
  const unique = validating({ body: { type: 'array', uniqueItems: true } });
  t.equal(await unique(json(Array.from({ length: 30_000 }, (_, index) => ({ index })))), undefined);
  const web = Object.fromEntries(
    Array.from({ length: 12 }, (_, index) => [
      `s${index}`,
      {
        anyOf: Array.from({ length: 12 }, (_, other) =>
          index === 11 ? { type: 'integer' } : { $ref: `#/openapi/schemas/s${Math.min(11, index + 1 + (other % 2))}` },
        ),
      },
    ]),
  );
  const parameters = [{ name: 'q', in: 'query' as const, schema: { $ref: '#/openapi/schemas/s8' } }];
  const webbed = validating({ openapi: true }, { api: { operations: { '/': { POST: { parameters } } }, schemas: web }, resources: ['/'] });
  t.equal(await webbed({ target: '/?q=1' }), undefined);
  const closed = validating({ body: { additionalProperties: false } });
  t.strictSame(faultsIn(await closed(json({ ['x'.repeat(5000)]: 1 }))), [`body.${'x'.repeat(100)}: is not allowed here`]);
  const nested = validating({ body: { $ref: '#/$defs/a', $defs: { a: { properties: { x: { $ref: '#/$defs/a' } } } } } });
  t.equal(await nested(json(`${'{"x":'.repeat(150)}{}${'}'.repeat(150)}`)), undefined);
});

t.test('parameters are read from path, query, header and cookie by their style', async (t) => {
  const list = { type: 'array', items: { type: 'integer' } };
  const map = { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'string' } }, additionalProperties: false };
  const table: [parameter: Entry, given: Given, faults: string[] | undefined][] = [
    [{ name: 'q', in: 'query', schema: { type: 'integer', maximum: 9 } }, { target: '/?q=9' }, undefined],
    [{ name: 'q', in: 'query', schema: { type: 'integer', maximum: 9 } }, { target: '/?q=10' }, ['query.q: must be <= 9']],
    [{ name: 'q', in: 'query', schema: { type: 'integer' } }, { target: '/?q=1&q=2' }, ['query.q: is given more than once']],
    [{ name: 'q', in: 'query', schema: { type: 'integer' } }, { target: '/?q=0x1' }, ['query.q: must be integer']],
    [{ name: 'q', in: 'query', schema: { type: 'integer' } }, { target: '/?q=' }, ['query.q: must be integer']],
    [{ name: 'q', in: 'query', schema: { type: 'integer' } }, { target: '/' }, undefined],
    [{ name: 'q', in: 'query', required: true }, { target: '/?Q=1' }, ['query.q: is missing']],
    [{ name: 'q', in: 'query', schema: { type: 'boolean' } }, { target: '/?q=true' }, undefined],
    [{ name: 'q', in: 'query', schema: { type: 'boolean' } }, { target: '/?q=1' }, ['query.q: must be boolean']],
    [{ name: 'a b', in: 'query', schema: { const: 'ü +' } }, { target: '/?a+b=%C3%BC+%2B' }, undefined],
    [{ name: 'q', in: 'query', schema: { type: 'string' } }, { target: '/?q=%zz' }, ['query.q: has a broken percent-encoding']],
    [{ name: 'q', in: 'query', schema: { anyOf: [{ type: 'integer' }, { const: 'all' }] } }, { target: '/?q=all' }, undefined],
    [{ name: 'q', in: 'query', schema: { enum: [1, 'one'] } }, { target: '/?q=1' }, undefined],
    [
      { name: 'q', in: 'query', schema: { type: 'string', maxLength: 2 } },
      { target: '/?q=123' },
      ['query.q: must not have more than 2 characters'],
    ],
    [{ name: 'q', in: 'query', schema: list }, { target: '/?q=1&q=2' }, undefined],
    [{ name: 'q', in: 'query', schema: list }, { target: '/?q=1&q=x' }, ['query.q.1: must be integer']],
    [{ name: 'q', in: 'query', explode: false, schema: list }, { target: '/?q=1,2,x' }, ['query.q.2: must be integer']],
    [{ name: 'q', in: 'query', explode: false, schema: { type: 'array', items: { enum: ['a,b'] } } }, { target: '/?q=a%2Cb' }, undefined],
    [{ name: 'q', in: 'query', style: 'spaceDelimited', explode: false, schema: list }, { target: '/?q=1%202+3' }, undefined],
    [{ name: 'q', in: 'query', style: 'pipeDelimited', explode: false, schema: list }, { target: '/?q=1|2%7C3' }, undefined],
    [{ name: 'q', in: 'query', style: 'tabDelimited', explode: false, schema: list }, { target: '/?q=1%092' }, undefined],
    [{ name: 'q', in: 'query', style: 'deepObject', schema: map }, { target: '/?q[a]=1&q%5Bb%5D=x' }, undefined],
    [
      { name: 'q', in: 'query', style: 'deepObject', schema: map },
      { target: '/?q[a]=x&q[c]=1' },
      ['query.q.c: is not allowed here', 'query.q.a: must be integer'],
    ],
    [{ name: 'q', in: 'query', schema: map }, { target: '/?a=x&other=1' }, ['query.q.a: must be integer']],
    [{ name: 'q', in: 'query', explode: false, schema: map }, { target: '/?q=a,1,b,2' }, undefined],
    [{ name: 'q', in: 'query', explode: false, schema: map }, { target: '/?q=a,1,b' }, ['query.q: must be pairs of names and values']],
    [{ name: 'q', in: 'query', json: true, schema: map }, { target: `/?q=${encodeURIComponent('{"a":1}')}` }, undefined],
    [{ name: 'q', in: 'query', json: true, schema: map }, { target: '/?q={' }, ['query.q: is not valid JSON']],
    [{ name: 'id', in: 'path', schema: { type: 'integer' } }, { parameters: { id: '7' } }, undefined],
    [{ name: 'id', in: 'path', schema: { type: 'integer' } }, { parameters: { id: 'x' } }, ['path.id: must be integer']],
    [{ name: 'id', in: 'path', schema: { const: 'ü' } }, { parameters: { id: '\u00c3\u00bc' } }, undefined],
    [{ name: 'id', in: 'path', schema: list }, { parameters: { id: '1,2,x' } }, ['path.id.2: must be integer']],
    [{ name: 'id', in: 'path', style: 'label', explode: true, schema: list }, { parameters: { id: '.1.2' } }, undefined],
    [{ name: 'id', in: 'path', style: 'label', schema: list }, { parameters: { id: '1' } }, ['path.id: must start with "."']],
    [{ name: 'id', in: 'path', style: 'matrix', explode: true, schema: list }, { parameters: { id: ';id=1;id=2' } }, undefined],
    [{ name: 'id', in: 'path', style: 'matrix', schema: { type: 'integer' } }, { parameters: { id: ';id=1' } }, undefined],
    [{ name: 'id', in: 'path', explode: true, schema: map }, { parameters: { id: 'a=1,b=2' } }, undefined],
    [{ name: 'X-Id', in: 'header', schema: { type: 'integer' } }, { headers: { 'x-id': '5' } }, undefined],
    [{ name: 'X-Id', in: 'header', schema: { type: 'integer' } }, { headers: { 'x-id': 'a' } }, ['header.X-Id: must be integer']],
    [{ name: 'X-Id', in: 'header', schema: list }, { headers: { 'x-id': '1, 2' } }, undefined],
    [{ name: 'c', in: 'cookie', required: true, schema: { type: 'integer' } }, { headers: { cookie: 'a=b; c="1"' } }, undefined],
    [{ name: 'c', in: 'cookie', schema: { type: 'integer' } }, { headers: { cookie: 'c=1; c=2' } }, ['cookie.c: is given more than once']],
  ];
  for (const [parameter, given, faults] of table)
    t.strictSame(
      faultsIn(await validating({ parameters: [parameter] })({ method: 'GET', ...given })),
      faults,
      JSON.stringify([parameter, given]),
    );
});

t.test('faulty settings are refused, with their path', async (t) => {
  const cases: [settings: unknown, fault: RegExp][] = [
    [{}, /at least one of body, parameters, openapi/],
    [{ body: 1 }, /validate\.body: must be a JSON Schema/],
    [{ body: { type: 'strng' } }, /validate\.body: is no JSON Schema that can be used: .*type/],
    [{ body: { maximum: '5' } }, /maximum must be number/],
    [{ body: { pattern: '(?=a)' } }, /is no JSON Schema that can be used: .*\(\?=/],
    [{ body: { $ref: 'http://example.com/x' } }, /can't resolve reference http:\/\/example\.com\/x/],
    [{ body: { $ref: '#/$defs/none' } }, /can't resolve reference/],
    [{ body: { $async: true, type: 'object' } }, /\$async is not a keyword/],
    [{ body: { $ref: '#' } }, /refers to itself without describing/],
    [
      { body: { $ref: '#/$defs/a', $defs: { a: { allOf: [{ $ref: '#/$defs/b' }] }, b: { not: { $ref: '#/$defs/a' } } } } },
      /refers to itself/,
    ],
    [{ body: { $schema: 'http://json-schema.org/draft-04/schema#' } }, /unknown \$schema/],
    [{ body: true, openapi: true }, /validate\.openapi: stands for body and parameters/],
    [{ openapi: true }, /has nothing to check by: the project has no part openapi/],
    [{ parameters: [{ name: 'a', in: 'body' }] }, /validate\.parameters\.0\.in: must be one of/],
    [{ parameters: [{ name: 'a', in: 'query', schema: { type: 'x' } }] }, /validate\.parameters\.0\.schema: is no JSON Schema/],
    [{ body: true, contentTypes: ['json'] }, /contentTypes\.0: must be a content type/],
    [{ bdy: true }, /did you mean "body"/],
  ];
  for (const [settings, fault] of cases) {
    const { faults } =
      settings instanceof Object && 'openapi' in settings && !('body' in settings)
        ? checked(settings)
        : { faults: faultsOf({ validate: settings }) };
    t.match(faults, [fault], JSON.stringify(settings));
  }
  t.strictSame(
    faultsOf({
      validate: {
        body: { $schema: 'http://json-schema.org/draft-07/schema#', definitions: { a: {} }, items: [{ $ref: '#/definitions/a' }] },
      },
    }),
    [],
  );
});

/** Faults that a check of a project finds, which makes no policies. */
function checked(settings: object): { faults: string[] } {
  try {
    return compile({ validate: settings });
  } catch (error) {
    return { faults: [(error as Error).message] };
  }
}

t.test('requests are checked by what was imported, each operation by itself', async (t) => {
  const api: ImportedApi = {
    operations: {
      '/pets': {
        GET: { parameters: [{ name: 'limit', in: 'query', schema: { $ref: '#/openapi/schemas/Limit' } }] },
        POST: {
          body: {
            required: true,
            content: { 'application/json': { schema: { $ref: '#/openapi/schemas/Pet' } }, 'text/*': {}, 'image/png': {} },
          },
        },
      },
      '/pets/{petId}': {
        GET: { parameters: [{ name: 'petId', in: 'path', schema: { type: 'integer' } }] },
        PUT: { body: { content: { '*/*': { schema: { type: 'object' } } } } },
      },
      '/patch': { POST: { body: { content: { 'application/*+json': { schema: { type: 'object' } } } } } },
      '/form': {
        POST: {
          body: {
            content: {
              'application/x-www-form-urlencoded': {
                schema: {
                  type: 'object',
                  required: ['a'],
                  properties: { a: { type: 'integer' }, b: { type: 'array', items: { type: 'boolean' } } },
                },
              },
            },
          },
        },
      },
    },
    schemas: {
      Limit: { type: 'integer', maximum: 100 },
      Pet: {
        type: 'object',
        required: ['name'],
        properties: { name: { type: ['string', 'null'] }, parent: { $ref: '#/openapi/schemas/Pet' } },
      },
    },
  };
  const run = validating({ openapi: true }, { api, resources: ['/pets', '/pets/{id}/', '/form', '/other'] });
  const form = (body: string): Given => ({ resource: '/form', ...json(body, 'application/x-www-form-urlencoded') });
  const table: [given: Given, faults: string[] | number | undefined][] = [
    [{ resource: '/pets', method: 'GET', target: '/pets?limit=101' }, ['query.limit: must be <= 100']],
    [{ resource: '/pets', method: 'HEAD', target: '/pets?limit=101' }, ['query.limit: must be <= 100']],
    [{ resource: '/pets', method: 'GET', target: '/pets?limit=1' }, undefined],
    [{ resource: '/pets', ...json({ name: null, parent: { name: 'a' } }) }, undefined],
    [
      { resource: '/pets', ...json({ name: null, parent: { parent: 1 } }) },
      ['body.parent.name: is missing', 'body.parent.parent: must be object'],
    ],
    [{ resource: '/pets', ...json('x', 'image/png') }, undefined],
    [{ resource: '/pets', ...json('x', 'text/plain') }, undefined],
    [{ resource: '/pets', ...json('x', 'image/gif') }, 415],
    [{ resource: '/pets', headers: { 'content-type': 'image/png', 'content-length': '0' } }, ['body: is missing']],
    [{ resource: '/pets/{id}/', method: 'GET', parameters: { id: 'x' } }, ['path.petId: must be integer']],
    [{ resource: '/pets/{id}/', method: 'PUT', ...json([]) }, ['body: must be object']],
    [{ resource: '/pets/{id}/', method: 'PUT', ...json('<a/>', 'text/xml') }, undefined],
    [{ resource: '/pets/{id}/', method: 'PUT' }, undefined],
    [{ resource: '/pets/{id}/', method: 'DELETE', ...json([]) }, undefined],
    [{ resource: '/other', ...json([]) }, undefined],
    [{ resource: '/patch', ...json([], 'application/merge-patch+json') }, ['body: must be object']],
    [{ resource: '/patch', ...json([]) }, 415],
    [form('a=1&b=true&b=false'), undefined],
    [form('b=x'), ['body.a: is missing', 'body.b.0: must be boolean']],
    [form('a=1&a=2'), ['body.a: is given more than once']],
    [form('a=%zz'), ['body.a: has a broken percent-encoding']],
  ];
  for (const [given, faults] of table) t.strictSame(faultsIn(await run(given)), faults, JSON.stringify(given));
});
