import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { test } from 'tap';
import { digestOf } from '../../src/model/password-digest.ts';
import { BrowserJar } from '../tools/browser-jar.ts';
import { eventually } from '../tools/eventually.ts';
import { jsonService } from '../tools/json-service.ts';
import { listening } from '../tools/listening.ts';
import { openIdServer } from '../tools/openid-server.ts';
import { serving, startBalancer, startGateway } from '../tools/sluice-under-test.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function get(address: string, path: string, headers: Record<string, string | string[]> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const [host, port] = address.split(':') as [string, string];
    const sent = request({ host, port, path, headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    sent.on('error', reject).end();
  });
}

test('authentication through a balancer and a gateway server', async (t) => {
  const target = createServer((asked, response) => response.end(JSON.stringify({ url: asked.url, headers: asked.headers })));
  const url = `http://${await listening(t, target)}`;
  const openId = await openIdServer(t, { id: 'gateway', secret: 'client-secret' });
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const keys = await jsonService(t);
  const jwk = await exportJWK(publicKey);
  keys.answer = () => ({ json: { keys: [{ ...jwk, kid: 'one' }] } });
  const decider = await jsonService(t, ({ headers }) =>
    headers['x-original-uri'] === '/decided/open?a=b' ? { json: {}, headers: { 'x-who': 'anna' } } : { status: 403, text: 'no' },
  );
  const login = { oidc: { issuer: openId.service.url, clientId: 'gateway', clientSecret: 'client-secret', claims: { sub: 'x-user' } } };
  const projects = {
    // Its resource is not above the paths of logins, and not all of its resources need a login.
    site: { basePath: '/', resources: [{ path: '/members', childPaths: true, policies: { proxyRequest: [login] } }, { path: '/public' }] },
    shop: { basePath: '/shop', policies: { proxyRequest: [login] } },
    plain: { basePath: '/plain' },
    tokens: { basePath: '/tokens', policies: { proxyRequest: [{ jwt: { jwks: keys.url, claims: { sub: 'x-user' } } }] } },
    passwords: {
      basePath: '/passwords',
      policies: { proxyRequest: [{ basicAuth: { users: { anna: await digestOf('correct horse') } } }] },
    },
    decided: { basePath: '/decided', policies: { proxyRequest: [{ extAuth: { url: decider.url, responseHeaders: ['x-who'] } }] } },
  };
  const balancer = await startBalancer(t);
  await startGateway(t, 'a', balancer.control);
  await serving(balancer, ['a']);
  for (const [name, project] of Object.entries(projects)) {
    await balancer.api('POST', '/v1/projects', { name, targets: { default: { url } }, ...project });
    await balancer.api('PUT', `/v1/environments/production/deployments/${name}`, { revision: 1 });
  }
  await eventually(
    () => get(balancer.address, '/plain/'),
    ({ status }) => status === 200,
  );
  await eventually(
    () => get(balancer.address, '/decided/open?a=b'),
    ({ status }) => status === 200,
  );
  const at = (path: string, headers: Record<string, string | string[]> = {}) => get(balancer.address, path, headers);
  const seen = ({ body }: Answer) => (JSON.parse(body) as { headers: Record<string, string> }).headers;

  for (const [base, page] of [
    ['/shop', '/shop/items?q=1'],
    ['', '/members/me'],
  ] as const) {
    const jar = new BrowserJar();
    const visit = async (path: string) => {
      const answer = await at(path, { accept: 'text/html', 'x-user': 'root', ...(jar.field !== undefined && { cookie: jar.field }) });
      jar.take(answer.headers['set-cookie'] ?? []);
      return answer;
    };
    const begun = await visit(page);
    t.equal(begun.status, 302, page);
    const provider = await fetch(begun.headers.location ?? '', { redirect: 'manual' });
    const back = new URL(provider.headers.get('location') ?? '');
    t.equal(back.origin + back.pathname, `http://${balancer.address}${base}/.sluice/oidc/callback`);
    const finished = await visit(back.pathname + back.search);
    t.equal(finished.headers.location, `http://${balancer.address}${page}`);
    const answer = await visit(page);
    t.equal(answer.status, 200);
    t.equal(seen(answer)['x-user'], 'anna');
    t.equal(seen(answer)['cookie'], undefined);
    t.equal((await visit(`${base}/.sluice/oidc/logout`)).status, 302);
    t.equal((await visit(page)).status, 302, 'logged out');
  }
  t.equal((await at('/members/me', { accept: 'application/json' })).status, 401);
  t.equal((await at('/public')).status, 200);
  t.equal((await at('/.sluice/oidc/callback?state=x')).status, 400, 'the policy answers');
  for (const path of ['/.sluice/ready', '/.sluice/metrics', '/.sluice/oidc', '/.sluice/oidc/callback/', '/.sluice//oidc/callback'])
    t.match(await at(path), { status: 404, body: /reserved/ }, path);
  await balancer.api('DELETE', '/v1/environments/production/deployments/site');
  await eventually(
    () => at('/public'),
    ({ status }) => status === 404,
  );
  t.equal((await at('/.sluice/oidc/callback')).status, 404, 'no policy answers it');

  const token = await new SignJWT({ sub: 'anna' })
    .setProtectedHeader({ alg: 'ES256', kid: 'one' })
    .setExpirationTime('5m')
    .sign(privateKey);
  const verified = await at('/tokens/', { authorization: `Bearer ${token}`, 'x-user': ['root', 'root'] });
  t.equal(seen(verified)['x-user'], 'anna');
  const refused = await at('/tokens/', { authorization: `Bearer ${token}x` });
  t.equal(refused.status, 401);
  t.match(refused.headers['www-authenticate'], /^Bearer error="invalid_token"/);

  const twice = await at('/tokens/', { authorization: [`Bearer ${token}`, `Bearer ${token}`] });
  t.match(twice, { status: 400, body: /token-ambiguous/ }, 'two lines on the wire');
  const basic = (password: string) => ({ authorization: `Basic ${Buffer.from(`anna:${password}`).toString('base64')}` });
  const [right, again, wrong] = [
    await at('/passwords/', basic('correct horse')),
    await at('/passwords/', basic('correct horse')),
    await at('/passwords/', basic('wrong')),
  ];
  t.same([right.status, again.status, wrong.status], [200, 200, 401]);
  t.equal(seen(right)['authorization'], undefined);

  t.equal(seen(await at('/decided/open?a=b', { 'x-who': 'root' }))['x-who'], 'anna');
  t.match(await at('/decided/closed'), { status: 403, body: 'no' });
});
