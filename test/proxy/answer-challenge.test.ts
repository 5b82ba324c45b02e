import { request } from 'node:http';
import t from 'tap';
import { environmentSpec } from '../../src/model/environment.ts';
import type { Handler, ListenerSettings } from '../../src/proxy/contract.ts';
import { openListener } from '../../src/proxy/http-listener.ts';

const { limits, timeouts } = environmentSpec.parse({});

t.test('an authority is answered before the redirect to https and before the role, and nobody else is', async (t) => {
  const role: Handler = {
    request: (exchange) => exchange.respond(200, {}, `role ${exchange.request.path}`),
    fault: (error) => {
      throw error;
    },
  };
  const settings = { headerBytes: limits.headerBytes, bodyRate: limits.bodyRate, timeouts, trustedProxies: [] };
  const listener = await openListener('127.0.0.1:0', settings, role);
  t.teardown(() => listener.close(0));
  const ask = (path: string, method = 'GET'): Promise<string> =>
    new Promise((resolve, reject) => {
      const asked = request(`http://${listener.address}`, { path, method, headers: { host: 'a.example' }, agent: false }, (response) => {
        let body = '';
        response.on('data', (piece) => (body += piece)).on('end', () => resolve(`${response.statusCode} ${body}`));
      });
      asked.on('error', reject).end();
    });
  const known = '/.well-known/acme-challenge/token-1';
  const unknown = [
    '/.well-known/acme-challenge/token-2',
    '/.well-known/acme-challenge/',
    '/.well-known/acme-challenge/__proto__',
    '/token-1',
  ];
  const answers = { challengeAnswers: { 'token-1': 'token-1.thumbprint' } };
  t.equal(await ask(known), `200 role ${known}`);
  const cases: [Partial<ListenerSettings>, (path: string) => string][] = [
    [answers, (path) => `200 role ${path}`],
    [{ ...answers, redirectPort: 443 }, () => '308 '],
  ];
  for (const [more, otherwise] of cases) {
    listener.update({ ...settings, ...more });
    t.equal(await ask(known), '200 token-1.thumbprint');
    t.equal(await ask(known, 'HEAD'), '200 ');
    for (const path of unknown) t.equal(await ask(path), otherwise(path));
  }
  listener.update(settings);
  t.equal(await ask(known), `200 role ${known}`, 'once the challenge is over');
});
