import t from 'tap';
import { check } from '../../src/config/check.ts';
import { pushedProject } from '../../src/projects/pushed-project.ts';
import { faultsOf } from './run-policy.ts';
import { serveProject } from './served-project.ts';

/** Faults of a pushed project whose resource has these policies. */
function faultsAt(path: string, policies: object[], rest: object = {}): string {
  const resources = [{ path, policies: { proxyRequest: policies }, ...rest }];
  const { faults } = check({ name: 'p', basePath: '/p', targets: { default: { url: 'http://x' } }, resources }, pushedProject);
  return (faults ?? []).map((fault) => `${fault.path}: ${fault.message}`).join('; ');
}

const resource = (path: string, settings: object, rest: object = {}) => ({
  path,
  policies: { proxyRequest: [{ rewrite: settings }] },
  ...rest,
});

t.test('rewrite: path, query and host that the target gets', async (t) => {
  const shop = await serveProject(
    t,
    {
      targets: { default: { url: '${variables.backend}/api/' } },
      resources: [
        resource('/pets/{petId}', { path: '/v2/animals/{petId}/${variables.version}' }),
        resource('/by/{kind}-{id}', {
          path: '/{id}/{kind}',
          query: { set: { kind: 'k {kind}', page: 1 }, remove: ['secret', 'a b', 'ü'] },
        }),
        resource('/old', { path: '/new{*}' }, { childPaths: true }),
        resource('/query/{id}', { query: { set: { id: '{id}' } } }),
        resource('/host', { host: 'internal.example:8080' }),
      ],
    },
    undefined,
    { version: 'latest' },
  );
  const cases: [sent: string, arrived: string][] = [
    ['/shop/pets/7?a=1&b', '/api/v2/animals/7/latest?a=1&b'],
    ['/shop/x/../pets/7', '/api/v2/animals/7/latest'],
    ['/shop//pets/./8/', '/api/v2/animals/8/latest'],
    ['/shop/pets/a%20b%C3%A9%40', '/api/v2/animals/a%20b%C3%A9@/latest'],
    ['/shop/pets/a%252e', '/api/v2/animals/a%252e/latest'],
    ['/shop/pets/...', '/api/v2/animals/.../latest'],
    ['/shop/pets/a&b=c', '/api/v2/animals/a%26b%3Dc/latest'],
    ['/shop/by/cat-9', '/api/9/cat?kind=k%20cat&page=1'],
    ['/shop/by/c&x=1-9?kind=dog&%6bind=2&secret=1&%73ecret&q=%20&a+b=1&a%20b&%C3%BC=1', '/api/9/c%26x%3D1?q=%20&kind=k%20c%26x%3D1&page=1'],
    ['/shop/old', '/api/new'],
    ['/shop/old/', '/api/new/'],
    ['/shop/old/a/b%20c?x', '/api/new/a/b%20c?x'],
    ['/shop/query/a%26b?id=1&k', '/api/query/a%26b?k&id=a%26b'],
  ];
  for (const [sent, arrived] of cases) {
    t.match(await shop.send('GET', sent), { status: 200 }, sent);
    t.equal(shop.arrived.at(-1)?.url, arrived, sent);
  }
  await shop.send('GET', '/shop/host', { host: 'api.example.com' });
  t.match(shop.arrived.at(-1), { url: '/api/host', headers: { host: 'internal.example:8080', 'x-forwarded-host': 'api.example.com' } });
});

t.test('rewrite: no parameter breaks out of its segment', async (t) => {
  const shop = await serveProject(t, {
    encodedSlashes: 'keep',
    resources: [
      resource('/files/{name}', { path: '/data/{name}/x' }),
      resource('/dots/{name}', { path: '/data/.{name}' }),
      resource('/two/{a}-{b}', { path: '/data/{a}{b}/x' }),
      resource('/all', { path: '/data{*}' }, { childPaths: true }),
      { path: '/', childPaths: true },
    ],
  });
  shop.answer = (request, response) => void response.end(request.url);
  for (const path of ['/files/a%2Fb', '/files/a%5Cb', '/files/a%252Fb', '/all/a%2Fb', '/files/a%3Fb', '/files/a%23b', '/files/a%0D%0Ab']) {
    const { status, body } = await shop.send('GET', `/shop${path}`);
    t.equal(status, 200, path);
    t.match(body, /^\/data\/a%(2F|5C|252F|3F|23|0D%0A)b(\/x)?$/, path);
  }
  const before = shop.arrived.length;
  for (const path of ['/dots/.%2Fa', '/dots/.%3Bx', '/two/.-.', '/two/%2e-.'])
    t.match(await shop.send('GET', `/shop${path}`), { status: 400, body: /"bad-path"/ }, path);
  for (const path of [
    '/files/..%2F..%2Fsys',
    '/files/..%5Csys',
    '/files/%252e%252e%252fsys',
    '/files/..;x',
    '/all/..%2Fx',
    '/all/a%2F..%2Fx',
    '/files/%2e%2e%2Fsys',
  ]) {
    const { status, body } = await shop.send('GET', `/shop${path}`);
    t.ok(status === 400 || !/\.\.|%2e/i.test(body), `${path}: ${status} ${body}`);
    t.notMatch(body, /^\/data\/.*\.\./, path);
  }
  t.equal(shop.arrived.slice(before).filter(({ url }) => /\.\.|%2e%2e/i.test(url)).length, 0);
});

t.test('rewrite: faulty settings are refused', async (t) => {
  const paths = [
    'v2',
    '/a//b',
    '/a/../b',
    '/a/%2e%2E/b',
    '/a/./b',
    '/a?b',
    '/a#b',
    '/a b',
    '/a/é',
    '/a%2',
    '/a\\b',
    '/{',
    '/a}',
    '/{a',
    '/a/..;x/b',
    '//{x}',
  ];
  for (const path of paths) t.match(faultsOf({ rewrite: { path } }), [/rewrite\.path: must /], path);
  for (const path of ['/a/{*}', '/{*}', '/a{*}/b', '/a{*}{*}'])
    t.match(faultsOf({ rewrite: { path } }), [/must have \{\*\} at its end/], path);
  const cases: [object, RegExp][] = [
    [{}, /at least one of path, query, host/],
    [{ query: {} }, /at least one of set, remove/],
    [{ query: { set: { '': 'a' } } }, /rewrite\.query\.set/],
    [{ query: { set: { a: '\ud800' } } }, /half characters/],
    [{ query: { remove: 'a' } }, /rewrite\.query\.remove/],
    [{ host: 'http://a' }, /must be a host/],
    [{ host: 'a b' }, /must be a host/],
    [{ host: 'a\r\nx: y' }, /must be a host/],
    [{ host: '{x}' }, /must be a host/],
    [{ paths: '/a' }, /did you mean "path"/],
  ];
  for (const [settings, fault] of cases) t.match(faultsOf({ rewrite: settings }).join(), fault, JSON.stringify(settings));
  t.match(faultsOf({ rewrite: { path: '/a' } }, 'proxyResponse'), [
    /rewrite cannot run at proxyResponse, only at: proxyRequest, targetRequest/,
  ]);
  t.same(faultsOf({ rewrite: { path: '/a' } }, 'targetRequest'), []);
});

t.test('policies refer only to parameters that their resource has', async (t) => {
  const both = (text: string) => [{ rewrite: { path: text } }, { redirect: { to: text } }];
  for (const policies of both('/x/{id}').map((one) => [one])) {
    t.equal(faultsAt('/a/{id}', policies), '');
    t.equal(faultsAt('/a/x-{id}.json', policies), '');
    t.match(
      faultsAt('/a/{other}', policies),
      /policies\.proxyRequest\.0\.\w+: refers to \{id\}, which is no parameter of the resource's path \/a\/\{other\}$/,
    );
    t.match(faultsOf(policies[0] as Record<string, unknown>), [/only the policies of a resource can refer to parameters/]);
  }
  for (const policies of both('/x{*}').map((one) => [one])) {
    t.equal(faultsAt('/a', policies, { childPaths: true }), '');
    t.match(faultsAt('/a', policies), /refers to \{\*\}, but the resource has no childPaths: true/);
    t.same(faultsOf(policies[0] as Record<string, unknown>), [], 'in a project it is below whatever resource matches');
  }
  t.match(faultsAt('/a/{id}', [{ rewrite: { query: { set: { a: '{idd}' } } } }]), /refers to \{idd\}/);
  t.equal(faultsAt('/a/{id}', [{ rewrite: { path: '/${variables.x}/{id}' } }]), '', 'a variable is no parameter');
  const policies = { proxyRequest: both('/x/{id}') };
  const { faults } = check(
    {
      name: 'p',
      basePath: '/p',
      targets: { default: { url: 'http://x' } },
      resources: [
        { path: '/a/{id}', policies },
        { path: '/b', policies },
      ],
    },
    pushedProject,
  );
  t.same(
    faults?.map(({ path }) => path),
    ['resources.1.policies.proxyRequest.0.rewrite', 'resources.1.policies.proxyRequest.1.redirect'],
  );
});

t.test('redirect: answers with the location', async (t) => {
  const to = (path: string, settings: object, rest: object = {}) => ({
    path,
    policies: { proxyRequest: [{ redirect: settings }] },
    ...rest,
  });
  const shop = await serveProject(
    t,
    {
      encodedSlashes: 'keep',
      resources: [
        to('/a', { to: 'https://example.com/b' }),
        to('/pets/{id}', { to: '/animals/{id}', status: 308, keepQuery: true }),
        to('/find/{q}', { to: 'https://example.com/?q={q}#top', keepQuery: true, status: 303 }),
        to('/old', { to: 'https://${variables.site}{*}', status: 301 }, { childPaths: true }),
        to('/top/{id}', { to: '/{id}' }),
        { path: '/', childPaths: true },
      ],
    },
    undefined,
    { site: 'new.example:8443' },
  );
  const cases: [sent: string, status: number, location: string][] = [
    ['/shop/a?x=1', 302, 'https://example.com/b'],
    ['/shop/pets/7?x=1&y', 308, '/animals/7?x=1&y'],
    ['/shop/pets/7?', 308, '/animals/7'],
    ['/shop/pets/a%20b', 308, '/animals/a%20b'],
    ['/shop/find/a%26b?x=%20', 303, 'https://example.com/?q=a%26b&x=%20#top'],
    ['/shop/old', 301, 'https://new.example:8443'],
    ['/shop/old/a/b%20c?x', 301, 'https://new.example:8443/a/b%20c'],
    ['/shop/top/evil.com', 302, '/evil.com'],
    ['/shop/top/a%0D%0Ab', 302, '/a%0D%0Ab'],
  ];
  for (const [sent, status, location] of cases) t.match(await shop.send('GET', sent), { status, headers: { location }, body: '' }, sent);
  for (const path of ['/shop/top/%2Fevil.com', '/shop/top/%5Cevil.com', '/shop/top/%09%2Fevil.com']) {
    const { headers } = await shop.send('GET', path);
    t.match(headers.location ?? '/%', /^\/%/, path);
  }
  t.equal(shop.arrived.filter(({ url }) => !url.includes('evil')).length, 0, 'the target gets nothing');
});

t.test('redirect: faulty settings are refused', async (t) => {
  for (const to of [
    '',
    'x',
    '//evil.com',
    '/\\evil.com',
    'ftp://a/',
    'https://',
    'https:/a',
    'javascript:alert(1)',
    'https://u@a/',
    '{x}',
    '{*}',
    'https://{x}/',
    'https://a{x}.com/',
    'https://a.com:{p}/',
    '/a b',
    '/é',
    '/a\r\nb: c',
    '/a/../b',
  ])
    t.match(faultsOf({ redirect: { to } }).join(), /redirect\.to: must /, to);
  for (const to of ['/{*}', '/a/{*}', '/a{*}b', 'https://a.com/{*}'])
    t.match(faultsOf({ redirect: { to } }).join(), /redirect\.to: must /, to);
  for (const status of [200, 300, 304, 309, '302'])
    t.match(faultsOf({ redirect: { to: '/a', status } }).join(), /status: must be 301, 302, 303, 307 or 308/);
  t.match(faultsOf({ redirect: {} }).join(), /redirect\.to/);
  t.match(faultsOf({ redirect: { to: '/a' } }, 'targetRequest'), [/cannot run at targetRequest/]);
});

t.test('timeout: the policy comes before the resource, and the resource before the target', async (t) => {
  const shop = await serveProject(t, {
    targets: {
      default: { url: '${variables.backend}', timeouts: { responseHead: '20ms' } },
      slow: { url: '${variables.backend}', timeouts: { total: '20ms' } },
    },
    resources: [
      { path: '/target' },
      { path: '/resource', timeouts: { responseHead: '100s', total: '30ms' } },
      { path: '/policy', timeouts: { total: '100s' }, policies: { proxyRequest: [{ timeout: { total: '30ms', responseHead: 0 } }] } },
      { path: '/total', target: 'slow' },
      { path: '/long', policies: { proxyRequest: [{ timeout: { responseHead: '100s' } }] } },
    ],
  });
  shop.answer = (request, response) => {
    if (request.url === '/long') setImmediate(() => response.end('ok'));
  };
  t.match(await shop.send('POST', '/shop/target'), { status: 504, body: /"response-timeout"/ });
  for (const path of ['/resource', '/policy', '/total'])
    t.match(await shop.send('POST', `/shop${path}`), { status: 504, body: /"total-timeout"/ }, path);
  t.match(await shop.send('POST', '/shop/long'), { status: 200 });
});

t.test('retry: repeats requests at the same URL and at the failover target', async (t) => {
  const retry = (settings: object) => ({ proxyRequest: [{ retry: settings }] });
  // Each has a budget of its own, with three retries at the start.
  const persistent = { url: '${variables.backend}', retries: { attempts: 4, statuses: [503] } };
  const shop = await serveProject(t, {
    targets: {
      default: { url: '${variables.backend}' },
      ...Object.fromEntries(['one', 'two', 'three', 'four'].map((name) => [name, persistent])),
      backed: { url: '${variables.backend}/first', failover: 'second', retries: { statuses: [429, 500], attempts: 3 } },
      second: { url: '${variables.backend}/second' },
    },
    resources: [
      { path: '/plain' },
      { path: '/target', target: 'one' },
      { path: '/resource', target: 'two', retries: { attempts: 2 } },
      { path: '/policy', target: 'three', retries: { attempts: 2 }, policies: retry({ attempts: 1 }) },
      { path: '/recovers', target: 'four' },
      { path: '/post', policies: retry({ attempts: 2, statuses: [503], methods: ['POST'] }) },
      { path: '/backed', target: 'backed' },
    ],
  });
  const attemptsOf = async (method: string, path: string) => {
    const before = shop.arrived.length;
    const { status } = await shop.send(method, `/shop${path}`);
    return `${status} after ${shop.arrived.length - before}`;
  };
  shop.answer = (_, response) => void response.writeHead(503).end();
  t.equal(await attemptsOf('GET', '/plain'), '503 after 1');
  t.equal(await attemptsOf('GET', '/target'), '503 after 4');
  t.equal(await attemptsOf('GET', '/resource'), '503 after 2');
  t.equal(await attemptsOf('GET', '/policy'), '503 after 1');
  t.equal(await attemptsOf('POST', '/target'), '503 after 1', 'a POST is not repeated');
  t.equal(await attemptsOf('POST', '/post'), '503 after 2', 'unless the project says so');
  t.equal(await attemptsOf('GET', '/post'), '503 after 1');
  let left = 2;
  shop.answer = (_, response) => void response.writeHead(left-- > 0 ? 503 : 200).end();
  t.equal(await attemptsOf('PUT', '/recovers'), '200 after 3');
  for (const status of [429, 500]) {
    shop.answer = (request, response) => void response.writeHead(request.url?.startsWith('/first') ? status : 200).end();
    t.equal(await attemptsOf('GET', '/backed'), '200 after 2');
    t.equal(shop.arrived.at(-1)?.url, '/second/backed');
  }
});

t.test('timeout and retry: faulty settings are refused', async (t) => {
  const cases: [entry: Record<string, object>, fault: RegExp][] = [
    [{ timeout: {} }, /at least one of total, responseHead/],
    [{ timeout: { total: 5 } }, /timeout\.total: /],
    [{ timeout: { total: '5' } }, /timeout\.total: must be a time such as/],
    [{ timeout: { connect: '1s' } }, /timeout\.connect: is unknown/],
    [{ retry: {} }, /at least one of attempts, statuses, methods/],
    [{ retry: { attempts: 0 } }, /retry\.attempts/],
    [{ retry: { attempts: 11 } }, /retry\.attempts/],
    [{ retry: { statuses: [200] } }, /retry\.statuses\.0/],
    [{ retry: { methods: ['post'] } }, /must be methods in capitals/],
  ];
  for (const [entry, fault] of cases) t.match(faultsOf(entry).join(), fault, JSON.stringify(entry));
  t.match(faultsOf({ retry: { attempts: 2 } }, 'targetRequest'), [/cannot run at targetRequest/]);
  t.match(
    faultsAt('/a', [], { timeouts: { total: '1' }, retries: { attempts: 0 } }),
    /resources\.0\.timeouts\.total: must be a time.*resources\.0\.retries\.attempts/,
  );
});
