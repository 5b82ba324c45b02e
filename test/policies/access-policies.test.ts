import t from 'tap';
import { answerOf, FakeContext, faultsOf } from './run-policy.ts';
import { serveProject } from './served-project.ts';

async function codeFor(settings: object, clientAddress: string): Promise<string | undefined> {
  const answer = await answerOf({ ipFilter: settings }, new FakeContext({ clientAddress }));
  return answer && `${answer.status} ${JSON.parse(answer.body.toString()).code}`;
}

t.test('ipFilter: only addresses in allow and not in deny pass', async (t) => {
  const cases: [settings: object, passing: string[], refused: string[]][] = [
    [
      { allow: ['10.0.0.0/8', '192.0.2.7'] },
      ['10.1.2.3', '::ffff:10.1.2.3', '::ffff:a01:203', '192.0.2.7'],
      ['192.0.2.8', '::1', '::a01:203'],
    ],
    [{ deny: ['192.0.2.0/24'] }, ['192.0.3.1', '2001:db8::1'], ['192.0.2.1', '::ffff:192.0.2.1', '::ffff:c000:201']],
    [{ allow: ['10.0.0.0/8'], deny: ['10.9.0.0/16'] }, ['10.8.255.255'], ['10.9.0.1', '11.0.0.1']],
    [{ allow: ['2001:db8::/32'] }, ['2001:db8::1', '2001:0DB8:0:0::1'], ['2001:db9::1', '32.1.13.184', '10.0.0.1']],
    [{ allow: ['::/0'] }, ['2001:db8::1', '::1'], ['10.0.0.1', '::ffff:10.0.0.1']],
    [{ deny: ['::/0'] }, ['10.0.0.1', '::ffff:10.0.0.1'], ['::1']],
    [{ deny: ['0.0.0.0/0'] }, ['::1', '2001:db8::1'], ['10.0.0.1', '::ffff:a00:1']],
    [{ allow: ['::ffff:10.0.0.0/104'] }, ['10.9.9.9', '::ffff:10.9.9.9'], ['11.0.0.1', '::1']],
    [{ allow: ['::ffff:10.0.0.1', '::1'] }, ['10.0.0.1', '::1'], ['10.0.0.2']],
    [{ allow: ['10.0.0.7/8'] }, ['10.200.0.1'], ['11.0.0.7']],
    [{ allow: ['0.0.0.0/0', '::/0'] }, ['10.0.0.1', '::1'], ['', 'unknown', '10.0.0.1:80', '010.0.0.1', '10.0.0.1%eth0']],
  ];
  for (const [settings, passing, refused] of cases) {
    for (const address of passing) t.equal(await codeFor(settings, address), undefined, `${JSON.stringify(settings)} ${address}`);
    for (const address of refused)
      t.equal(await codeFor(settings, address), '403 address-refused', `${JSON.stringify(settings)} ${address}`);
  }
});

t.test('ipFilter: faulty ranges are refused', async (t) => {
  for (const range of ['10.0.0.0/33', '10.0.0/8', '::/129', '1.2.3.4/', 'localhost', '10.0.0.1-10.0.0.9', '', '0x0a000001', '010.0.0.1/8'])
    t.match(faultsOf({ ipFilter: { deny: [range] } }), [/ipFilter\.deny\.0: must be an IP address or CIDR range/], range);
  t.match(faultsOf({ ipFilter: {} }), [/needs at least one of allow, deny/]);
  t.match(faultsOf({ ipFilter: { allow: [] } }), [/needs at least one of allow, deny/]);
  t.match(faultsOf({ ipFilter: { allowed: ['10.0.0.0/8'] } }).join(), /unknown: did you mean "allow"/);
  t.match(faultsOf({ ipFilter: { allow: ['::1'] } }, 'targetRequest'), [/cannot run at targetRequest/]);
});

t.test('ipFilter: the address is the one that trusted proxies report', async (t) => {
  const shop = await serveProject(t, { policies: { proxyRequest: [{ ipFilter: { allow: ['203.0.113.0/24'] } }] } });
  t.match(await shop.send('GET', '/shop'), { status: 403, body: /"address-refused"/ });
  t.match(await shop.send('GET', '/shop', { 'x-forwarded-for': '203.0.113.9' }), { status: 200 });
  t.match(await shop.send('GET', '/shop', { 'x-forwarded-for': '203.0.113.9, 198.51.100.1' }), { status: 403 });
  t.equal(shop.arrived.length, 1);
});

const app = 'https://app.example.com';

/** Fields of an answer that browsers obey. */
async function allowed(settings: object, origin: string | undefined): Promise<string | undefined> {
  const context = new FakeContext({ headers: origin === undefined ? {} : { origin } });
  t.equal(await answerOf({ cors: settings }, context), undefined);
  t.equal(context.answerFields.get('vary'), 'Origin');
  return context.answerFields.get('access-control-allow-origin');
}

t.test('cors: origins match whole, or by whole labels of their host', async (t) => {
  const cases: [origins: string[], matching: string[], others: string[]][] = [
    [
      [app],
      [app],
      [
        'http://app.example.com',
        'https://APP.example.com',
        `${app}:8443`,
        `${app}.evil.com`,
        'https://evil.com',
        'null',
        '',
        `${app}/`,
        `${app}, ${app}`,
      ],
    ],
    [
      ['https://*.example.com'],
      [app, 'https://a.b.example.com', 'https://x-1.example.com'],
      [
        'https://example.com',
        'https://.example.com',
        'https://evilexample.com',
        'https://evil.com/.example.com',
        'https://evil.com#.example.com',
        'https://evil.com?.example.com',
        'https://u@evil.com:80.example.com',
        'https://a..example.com',
        'https://a.example.com.evil.com',
        'https://a.example.com:444',
        'http://a.example.com',
        'https://a.example.com ',
        'null',
      ],
    ],
    [['http://*.example.com:8080'], ['http://a.example.com:8080'], ['http://a.example.com', 'http://a.example.com:80801']],
    [['https://App.Example.com:443', 'http://[::1]:3000'], [app, 'http://[::1]:3000'], ['http://[::1]']],
    [['capacitor://localhost'], ['capacitor://localhost'], ['capacitor://localhost2']],
    [['https://münchen.example'], ['https://xn--mnchen-3ya.example'], ['https://m.example']],
  ];
  for (const [origins, matching, others] of cases) {
    for (const origin of matching) t.equal(await allowed({ origins }, origin), origin, `${origins} allows ${origin}`);
    for (const origin of others) t.equal(await allowed({ origins }, origin), undefined, `${origins} does not allow ${origin}`);
  }
  t.equal(await allowed({ origins: ['*'] }, 'https://any.example'), '*');
  t.equal(await allowed({ origins: [app] }, undefined), undefined);
});

t.test('cors: faulty settings are refused', async (t) => {
  for (const origin of [
    '',
    'app.example.com',
    'https://',
    `${app}/`,
    `${app}/x`,
    `${app}?`,
    'https://*',
    'https://a.*.example.com',
    'https://u:p@a.example',
    '*.example.com',
    'null',
    'https://a b',
  ])
    t.match(faultsOf({ cors: { origins: [origin] } }), [/cors\.origins\.0: must be "\*" or an origin/], origin);
  const cases: [object, RegExp][] = [
    [{}, /cors\.origins/],
    [{ origins: [] }, /at least one origin/],
    [{ origins: ['*'], credentials: true }, /origins\.0: must not be "\*" with credentials: true/],
    [{ origins: [app, '*'], credentials: true }, /origins\.1: must not be "\*"/],
    [{ origins: [app], credentials: true, headers: ['*'] }, /headers\.0: .*list the fields/],
    [{ origins: [app], credentials: true, exposed: ['*'] }, /exposed\.0: .*list the fields/],
    [{ origins: [app], methods: ['get'] }, /methods\.0: must be methods in capitals/],
    [{ origins: [app], methods: [] }, /cors\.methods/],
    [{ origins: [app], headers: ['a b'] }, /must be a header field name/],
    [{ origins: [app], maxAge: 600 }, /must be a time such as/],
    [{ origins: app }, /cors\.origins/],
  ];
  for (const [settings, fault] of cases) t.match(faultsOf({ cors: settings }).join(), fault, JSON.stringify(settings));
});

t.test('cors: preflights come first, and every answer has the fields', async (t) => {
  const guarded = {
    proxyRequest: [{ apiKey: { keys: ['k'] } }, { cors: { origins: [app], credentials: true, exposed: ['X-Total'], maxAge: '10m' } }],
  };
  const shop = await serveProject(t, {
    policies: guarded,
    resources: [{ path: '/items', methods: ['GET', 'POST'] }, { path: '/any' }, { path: '/gone', target: 'gone' }],
    targets: { default: { url: '${variables.backend}' }, gone: { url: 'http://127.0.0.1:1' } },
  });
  const preflight = { origin: app, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-api-key, x-a' };
  for (const path of ['/shop/items', '/shop/any', '/shop/nothing', '/shop/items;x=1/..;/any', '/shop/./items']) {
    const answer = await shop.send('OPTIONS', path, preflight);
    if (path.includes(';')) {
      t.equal(answer.status, 400, 'an ambiguous path has no resource');
      continue;
    }
    t.match(answer, {
      status: 204,
      headers: {
        'access-control-allow-origin': app,
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': 'GET, HEAD, PUT, PATCH, POST, DELETE',
        'access-control-allow-headers': 'x-api-key, x-a',
        'access-control-max-age': '600',
        vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
      },
    });
  }
  const foreign = await shop.send('OPTIONS', '/shop/items', { ...preflight, origin: 'https://evil.com' });
  t.match(foreign, {
    status: 204,
    headers: { vary: /Origin/, 'access-control-allow-origin': undefined, 'access-control-allow-methods': undefined },
  });
  t.equal(shop.arrived.length, 0);
  const options = await shop.send('OPTIONS', '/shop/items', { origin: app });
  t.match(
    options,
    { status: 204, headers: { allow: 'GET, POST, HEAD, OPTIONS' } },
    'an OPTIONS request that is no preflight is answered as ever',
  );
  t.match(await shop.send('OPTIONS', '/shop/any', { 'access-control-request-method': 'POST' }), { status: 401 });

  const key = { 'x-api-key': 'k', origin: app };
  const cases: [method: string, path: string, headers: Record<string, string>, status: number][] = [
    ['GET', '/shop/items', key, 200],
    ['GET', '/shop/items', { origin: app }, 401],
    ['DELETE', '/shop/items', key, 405],
    ['GET', '/shop/nothing', key, 404],
    ['GET', '/shop/gone', key, 502],
    ['GET', '/shop/a%2Fb', key, 400],
  ];
  shop.answer = (_, response) => {
    const old = {
      'access-control-allow-origin': '*',
      'Access-Control-Allow-Methods': 'PATCH',
      'access-control-max-age': '9',
      vary: 'Accept',
    };
    response.writeHead(200, old).end('ok');
  };
  for (const [method, path, headers, status] of cases) {
    const answer = await shop.send(method, path, headers);
    t.equal(answer.status, status, `${method} ${path}`);
    t.match(answer.headers, {
      'access-control-allow-origin': app,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'X-Total',
      vary: /\bOrigin$/,
      'access-control-allow-methods': undefined,
      'access-control-max-age': undefined,
    });
    const other = await shop.send(method, path, { ...headers, origin: 'https://evil.com' });
    t.equal(other.status, status);
    t.equal(other.headers['access-control-allow-origin'], undefined, `${method} ${path} for another origin`);
    t.match(other.headers.vary, /\bOrigin$/);
  }
});

t.test('cors: a preflight is for the resource of the method that it asks about', async (t) => {
  const other = 'https://other.example';
  const shop = await serveProject(t, {
    resources: [
      { path: '/items', methods: ['GET'], policies: { proxyRequest: [{ cors: { origins: [app], methods: ['GET'] } }] } },
      { path: '/items', methods: ['PUT'], policies: { proxyRequest: [{ cors: { origins: [other], methods: ['PUT'] } }] } },
      { path: '/items', methods: ['OPTIONS', 'POST'] },
    ],
  });
  const asked = async (method: string, origin: string) => {
    const { status, headers } = await shop.send('OPTIONS', '/shop/items', { origin, 'access-control-request-method': method });
    return `${status} ${headers['access-control-allow-origin']} ${headers['access-control-allow-methods']}`;
  };
  t.equal(await asked('GET', app), `204 ${app} GET`);
  t.equal(await asked('PUT', other), `204 ${other} PUT`);
  t.equal(await asked('PUT', app), '204 undefined undefined');
  t.equal(shop.arrived.length, 0);
  t.equal(await asked('POST', app), '200 undefined undefined', 'where no policy answers them, the target gets them');
  t.equal(await asked('DELETE', app), '200 undefined undefined');
  t.same(
    shop.arrived.map(({ method }) => method),
    ['OPTIONS', 'OPTIONS'],
  );
});
