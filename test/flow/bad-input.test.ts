import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { WebSocket } from 'ws';
import { deployEcho, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { adminToken, joinToken, operate, serving, startBalancer, startGateway } from '../tools/sluice-under-test.ts';

const yaml = 'application/yaml';
const json = 'application/json';

/** Mistakes of an operator: the request, and the place that the answer must name. */
const mistakes: readonly {
  what: string;
  method: string;
  path: string;
  type: string;
  body: string | Buffer;
  status: number;
  says: RegExp;
}[] = [
  {
    what: 'YAML that does not parse',
    method: 'POST',
    path: '/v1/projects',
    type: yaml,
    body: 'name: echo\ntargets: [\n',
    status: 400,
    says: /line/,
  },
  {
    what: 'an unknown key',
    method: 'POST',
    path: '/v1/projects',
    type: yaml,
    body: 'name: echo\nbasePath: /echo\ntragets: {}\ntargets: { default: { url: "http://127.0.0.1:1" } }\n',
    status: 422,
    says: /tragets.*targets/s,
  },
  {
    what: 'a malformed URL',
    method: 'POST',
    path: '/v1/projects',
    type: yaml,
    body: 'name: echo\nbasePath: /echo\ntargets: { default: { url: "not a url" } }\n',
    status: 422,
    says: /targets\.default\.url/,
  },
  { what: 'a name with a slash', method: 'POST', path: '/v1/projects', type: json, body: '{"name":"../x"}', status: 422, says: /name/ },
  { what: 'an array', method: 'POST', path: '/v1/projects', type: json, body: '[]', status: 422, says: /must be a map/ },
  { what: '5 MB of garbage', method: 'POST', path: '/v1/projects', type: yaml, body: randomBytes(5_000_000), status: 413, says: /larger/ },
  {
    what: '1 MB of garbage',
    method: 'POST',
    path: '/v1/projects',
    type: yaml,
    body: randomBytes(1_000_000),
    status: 400,
    says: /UTF-8|text/i,
  },
  {
    what: '1 MB of brackets',
    method: 'POST',
    path: '/v1/projects',
    type: yaml,
    body: '['.repeat(1_000_000),
    status: 400,
    says: /deep|nest|line/i,
  },
  {
    what: 'YAML aliases that expand exponentially',
    method: 'POST',
    path: '/v1/projects',
    type: yaml,
    body: Array.from({ length: 30 }, (_, n) => `k${n}: &a${n} ${n === 0 ? 'x' : `[${`*a${n - 1},`.repeat(9)}*a${n - 1}]`}`).join('\n'),
    status: 400,
    says: /alias/i,
  },
  {
    what: 'a revision that does not exist',
    method: 'PUT',
    path: '/v1/environments/production/deployments/echo',
    type: json,
    body: '{"revision":99}',
    status: 404,
    says: /99/,
  },
  {
    what: 'a base path of another project',
    method: 'PUT',
    path: '/v1/environments/production/deployments/rival',
    type: json,
    body: '{}',
    status: 409,
    says: /\/echo.*echo|echo.*\/echo/s,
  },
  {
    what: 'a malformed listener',
    method: 'PUT',
    path: '/v1/environments/production',
    type: json,
    body: '{"listen":"nowhere"}',
    status: 422,
    says: /listen/,
  },
  {
    what: 'a negative weight',
    method: 'PATCH',
    path: '/v1/servers/a',
    type: json,
    body: '{"weight":-1}',
    status: 422,
    says: /weight/,
  },
  {
    what: 'an environment that does not exist',
    method: 'PUT',
    path: '/v1/environments/nowhere/servers/a',
    type: json,
    body: '',
    status: 404,
    says: /nowhere/,
  },
];

test('bad input is refused with the place of the mistake, and changes nothing', async (t) => {
  const target = await startTarget(t);
  const balancer = await startBalancer(t);
  await deployEcho(balancer, target.url);
  await balancer.api('POST', '/v1/projects', { name: 'rival', basePath: '/echo', targets: { default: { url: target.url } } });
  const gateway = await startGateway(t, 'a', balancer.control);
  await serving(balancer, ['a']);
  const everything = async () => ({
    projects: await balancer.api('GET', '/v1/projects'),
    environments: await balancer.api('GET', '/v1/environments'),
    deployments: await balancer.api('GET', '/v1/environments/production/deployments'),
  });
  const before = await everything();

  for (const { what, method, path, type, body, status, says } of mistakes) {
    const response = await fetch(balancer.control + path, {
      method,
      headers: { authorization: `Bearer ${adminToken}`, ...(body.length > 0 && { 'content-type': type }) },
      ...(body.length > 0 && { body }),
    }).catch(() => undefined);
    if (response === undefined) {
      t.equal(status, 413, `${what}: cut off before all of it was sent`);
      continue;
    }
    const text = await response.text();
    t.equal(response.status, status, `${what}: ${text.slice(0, 300)}`);
    t.match(text, says, `${what}: names the place`);
    t.equal(response.headers.get('content-type'), 'application/problem+json', what);
  }

  const folder = ownFolder(t);
  const file = (name: string, content: string | Buffer) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const commands: [what: string, args: string[], says: RegExp][] = [
    ['YAML that does not parse', ['project', 'push', file('broken.yaml', 'name: echo\ntargets: [\n')], /broken\.yaml:3/],
    [
      'an unknown key',
      ['project', 'push', file('unknown.yaml', 'name: echo\nbasePath: /e\nresourcse: []\n')],
      /unknown\.yaml:3.*resourcse/s,
    ],
    ['5 MB of garbage', ['project', 'push', file('garbage.yaml', randomBytes(5_000_000))], /garbage\.yaml/],
    ['a missing file', ['project', 'push', join(folder, 'nothing.yaml')], /nothing\.yaml/],
    ['a revision that does not exist', ['deploy', 'echo@99', '--environment', 'production'], /99/],
    ['a base path of another project', ['deploy', 'rival', '--environment', 'production'], /echo/],
    ['an unknown key in a configuration', ['config', 'check', file('config.yaml', 'control: { lisen: 1 }\n')], /config\.yaml:1.*lisen/s],
  ];
  for (const [what, args, says] of commands) {
    const { status, err, out } = await operate(t, balancer, ...args);
    t.equal(status, 1, `${what}: ${err.slice(0, 300)}`);
    t.match(`${out}${err}`, says, `${what}: names the place`);
    t.notMatch(err, /\n\s+at /, `${what}: no stack trace`);
  }

  t.strictSame(await everything(), before, 'nothing has changed');
  t.ok(gateway.running && balancer.process.running);
  t.equal((await fetch(`http://${balancer.address}/echo/x`)).status, 200);
});

test('without the right token, every route of the admin API is refused', async (t) => {
  const balancer = await startBalancer(t);
  const routes: [method: string, path: string][] = [
    ['GET', '/v1/environments'],
    ['PUT', '/v1/environments/production'],
    ['DELETE', '/v1/environments/production?force'],
    ['GET', '/v1/servers'],
    ['GET', '/v1/servers/a'],
    ['PATCH', '/v1/servers/a'],
    ['PUT', '/v1/environments/production/servers/a'],
    ['DELETE', '/v1/environments/production/servers/a'],
    ['POST', '/v1/projects'],
    ['GET', '/v1/projects'],
    ['GET', '/v1/environments/production/deployments'],
    ['PUT', '/v1/environments/production/deployments/echo'],
    ['DELETE', '/v1/environments/production/deployments/echo'],
    ['POST', '/v1/environments/production/deployments/echo/rollback'],
    ['PUT', '/v1/register/a'],
    ['DELETE', '/v1/register/a'],
    ['GET', '/v1/no-such-thing'],
  ];
  for (const [method, path] of routes) {
    for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: `Basic ${btoa(`admin:${adminToken}`)}` }]) {
      const response = await fetch(balancer.control + path, { method, headers });
      t.equal(response.status, 401, `${method} ${path}`);
      t.equal(response.headers.get('www-authenticate')?.startsWith('Bearer'), true);
      await response.text();
    }
    if (path.startsWith('/v1/register')) continue;
    const response = await fetch(balancer.control + path, { method, headers: { authorization: `Bearer ${joinToken}` } });
    t.ok([401, 403].includes(response.status), `the join token does not open ${method} ${path} (${response.status})`);
    await response.text();
  }
  for (const path of ['/v1/join', '/v1/events']) {
    const status = await new Promise((resolve) => {
      const socket = new WebSocket(`${balancer.control.replace('http', 'ws')}${path}`, { headers: { authorization: 'Bearer wrong' } });
      socket.on('unexpected-response', (_request, response) => {
        resolve(response.statusCode);
        socket.terminate();
      });
      socket.on('open', () => resolve('open'));
      socket.on('error', () => {});
    });
    t.equal(status, 401, path);
  }

  const stranger = await startGateway(t, 'stranger', balancer.control, ['--environment', 'production', '--token', 'wrong']);
  const refused = await stranger.logged((line) => String(line['reason']).includes('--token'));
  t.match(refused['reason'], /refused the token \(401\)/, 'the gateway logs the reason');
  t.notMatch(JSON.stringify(stranger.log), /Bearer|"wrong"/, 'without the token');
  await eventually(
    () => balancer.api('GET', '/v1/servers') as Promise<unknown[]>,
    (servers) => {
      t.strictSame(servers, []);
      return true;
    },
  );
});
