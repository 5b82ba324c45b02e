import { test } from 'tap';
import { controlUnderTest } from './control-under-test.ts';

/** Default messages of the schema library, which say neither what is wrong nor what to do. */
const raw =
  /Invalid (?:input|string|option|key|element|type|union)|Unrecognized key|Too (?:small|big)|expected \w+, received|Expected \w+|\bNaN\b/;

test('refusals of the admin API are in Sluice’s own words', async (t) => {
  const { ask } = await controlUnderTest(t);
  const wrong = [null, true, -1, 1.5, 'x', '', [], [[]], {}, { x: {} }];
  const fields = [
    'listen',
    'hosts',
    'balance',
    'hash',
    'health',
    'outlier',
    'limits',
    'retries',
    'sticky',
    'trustedProxies',
    'variables',
    'servers',
  ];
  const requests: [method: string, path: string, body?: unknown][] = [
    ...fields.flatMap((field) =>
      wrong.map((value) => ['PUT', '/v1/environments/production', { [field]: value }] as [string, string, unknown]),
    ),
    ...['name', 'version', 'basePath', 'targets', 'resources', 'policies', 'forwardBasePath'].flatMap((field) =>
      wrong.map((value) => ['POST', '/v1/projects', { [field]: value }] as [string, string, unknown]),
    ),
    ...wrong.map((revision) => ['PUT', '/v1/environments/production/deployments/pets', { revision }] as [string, string, unknown]),
    ...wrong.map((weight) => ['PATCH', '/v1/servers/a', { weight, draining: weight }] as [string, string, unknown]),
    ...wrong.map((ttl) => ['PUT', '/v1/register/a', { address: ttl, ttl, weight: ttl, environment: ttl }] as [string, string, unknown]),
    ...wrong.map(
      (policy) =>
        [
          'POST',
          '/v1/projects',
          {
            name: 'a',
            basePath: '/a',
            targets: { default: { url: 'http://a' } },
            policies: { proxyRequest: [{ headers: policy }, { apiKey: policy }, policy] },
          },
        ] as [string, string, unknown],
    ),
    ['DELETE', '/v1/environments/production?force=maybe'],
    ['DELETE', '/v1/environments/-'],
    ['GET', '/v1/servers?environment=-&x=1'],
    ['GET', '/v1/projects/-/revisions/x'],
  ];
  let refused = 0;
  for (const [method, path, body] of requests) {
    const { status, body: answer } = await ask(method, path, body === undefined ? {} : { body: body as object });
    if (status < 400) continue;
    refused++;
    t.notMatch(JSON.stringify(answer), raw, `${method} ${path} ${JSON.stringify(body)}`);
  }
  t.ok(refused > 150, `${refused} refused`);
});
