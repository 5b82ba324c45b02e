import { createServer } from 'node:http';
import { test } from 'tap';
import type { ServerAnswer } from '../../src/api/answers.ts';
import { deployEcho } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { listening } from '../tools/listening.ts';
import { joinToken, serving, startBalancer } from '../tools/sluice-under-test.ts';

test('another kind of gateway registers by plain HTTP, and gets no traffic once it stops renewing', async (t) => {
  const balancer = await startBalancer(t);
  await deployEcho(balancer, 'http://127.0.0.1:9');
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/.sluice/ready' ? 204 : 200;
    response.end(request.url === '/.sluice/ready' ? undefined : `foreign ${request.url}`);
  });
  const address = await listening(t, server);
  const register = async (token: string, method = 'PUT') => {
    const response = await fetch(`${balancer.control}/v1/register/legacy`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(method === 'PUT' && { body: JSON.stringify({ environment: 'production', address, ttl: '1s' }) }),
    });
    return { status: response.status, text: await response.text() };
  };
  t.equal((await register('wrong')).status, 401);
  t.strictSame(await balancer.api('GET', '/v1/servers'), [], 'nothing is registered');

  const first = await register(joinToken);
  t.equal(first.status, 200);
  const snapshot = JSON.parse(first.text) as { environment: string; version: number; projects: { name: string }[] };
  t.match(snapshot, { environment: 'production', version: 1, projects: [{ name: 'echo' }] }, 'the answer is its snapshot');

  const [seen] = await serving(balancer, ['legacy']);
  t.equal(seen?.source, 'http');
  await register(joinToken);
  const answer = await fetch(`http://${balancer.address}/echo/x`);
  t.equal(await answer.text(), 'foreign /echo/x');
  t.equal(answer.headers.get('x-served-by'), 'legacy');

  const begun = performance.now();
  const state = () => balancer.api('GET', '/v1/servers/legacy') as Promise<ServerAnswer>;
  await eventually(state, (server) => server.state === 'lost');
  await eventually(
    () => fetch(`http://${balancer.address}/echo/x`),
    (response) => response.status === 503,
  );
  t.comment(`without a renewal, traffic stopped after ${Math.round(performance.now() - begun)} ms; the lease is 1 s`);

  await register(joinToken);
  await eventually(
    () => fetch(`http://${balancer.address}/echo/x`),
    (response) => response.status === 200,
  );
  t.equal((await register(joinToken, 'DELETE')).status, 204);
  t.strictSame(await balancer.api('GET', '/v1/servers'), [], 'it deregisters itself');
});
