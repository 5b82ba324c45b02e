import { request } from 'node:http';
import { test } from 'tap';
import { type BalancerUnderTest, deployEcho, serving, startBalancer, startGateway, startTarget, testEnvironment } from './system.ts';

/** Sends one request for `host` and answers with status, server and body. */
function ask(address: string, host: string): Promise<{ status: number; server: string | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(`http://${address}/echo/x`, { headers: { host }, agent: false }, async (response) => {
      let body = '';
      for await (const piece of response) body += piece;
      resolve({ status: response.statusCode ?? 0, server: response.headers['x-served-by'] as string | undefined, body });
    });
    sent.once('error', reject).end();
  });
}

test('environments are told apart by listener and by Host', async (t) => {
  const target = await startTarget(t);
  const first = await startBalancer(
    t,
    {},
    {
      exact: { ...testEnvironment, hosts: ['api.example.test'] },
      own: { ...testEnvironment, listen: '127.0.0.2:0' },
    },
  );
  // Also one that an operator makes while everything runs.
  await first.api('PUT', '/v1/environments/wildcard', { ...testEnvironment, hosts: ['*.example.test'] });
  for (const environment of ['production', 'exact', 'wildcard', 'own']) {
    await deployEcho(first, target.url, '1', environment);
    await startGateway(t, `of-${environment}`, first.control, ['--environment', environment]);
    await serving(first, [`of-${environment}`], environment);
  }
  const by = async (balancer: BalancerUnderTest, address: string, host: string) =>
    (await ask(balancer.addresses[address] ?? '', host)).server;
  t.equal(await by(first, 'production', 'api.example.test'), 'of-exact');
  t.equal(await by(first, 'production', 'API.Example.TEST:8080'), 'of-exact', 'whatever its case and port');
  t.equal(await by(first, 'production', 'www.example.test'), 'of-wildcard');
  t.equal(await by(first, 'production', 'a.b.example.test'), 'of-wildcard', 'any number of labels');
  t.equal(await by(first, 'production', 'example.test'), 'of-production', 'not the bare domain');
  t.equal(await by(first, 'production', 'other.test'), 'of-production', "the listener's default");
  t.equal(await by(first, 'own', 'api.example.test'), 'of-own', 'a listener of its own has its own');

  await first.api('DELETE', '/v1/environments/exact?force');
  t.equal(await by(first, 'production', 'api.example.test').then(retried(first)), 'of-wildcard', 'the next that claims it takes it over');

  const refused = await first.api('PUT', '/v1/environments/second', testEnvironment).then(
    () => 'accepted',
    (error: Error) => error.message,
  );
  t.match(refused, /409|422/, `a second default of one listener is refused: ${refused.slice(0, 200)}`);
});

/** The change is made when the registry has it; the listener follows within milliseconds. */
function retried(balancer: BalancerUnderTest): (server: string | undefined) => Promise<string | undefined> {
  return async function again(server): Promise<string | undefined> {
    return server === 'of-exact' || server === undefined ? again((await ask(balancer.address, 'api.example.test')).server) : server;
  };
}
