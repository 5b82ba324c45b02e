import { request } from 'node:http';
import { test } from 'tap';
import { deployEcho, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { serving, startBalancer, startGateway, testEnvironment } from '../tools/sluice-under-test.ts';

/** Sends one request with this Host and resolves with the server that answered. */
function servedBy(address: string | undefined, host: string): Promise<string | string[] | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(`http://${address}/echo/x`, { headers: { host }, agent: false }, (response) => {
      response.resume().once('end', () => resolve(response.headers['x-served-by']));
    });
    sent.once('error', reject).end();
  });
}

test('an environment is found by listener and Host', async (t) => {
  const target = await startTarget(t);
  const balancer = await startBalancer(
    t,
    {},
    {
      exact: { ...testEnvironment, hosts: ['api.example.test'] },
      own: { ...testEnvironment, listen: '127.0.0.2:0' },
    },
  );
  // One is created at run time.
  await balancer.api('PUT', '/v1/environments/wildcard', { ...testEnvironment, hosts: ['*.example.test'] });
  for (const environment of ['production', 'exact', 'wildcard', 'own']) {
    await deployEcho(balancer, target.url, '1', environment);
    await startGateway(t, `of-${environment}`, balancer.control, ['--environment', environment]);
    await serving(balancer, [`of-${environment}`], environment);
  }
  const by = (listener: string, host: string) => servedBy(balancer.addresses[listener], host);
  t.equal(await by('production', 'api.example.test'), 'of-exact');
  t.equal(await by('production', 'API.Example.TEST:8080'), 'of-exact', 'case and port do not matter');
  t.equal(await by('production', 'www.example.test'), 'of-wildcard');
  t.equal(await by('production', 'a.b.example.test'), 'of-wildcard', 'a wildcard covers any number of labels');
  t.equal(await by('production', 'example.test'), 'of-production', 'a wildcard does not cover the bare domain');
  t.equal(await by('production', 'other.test'), 'of-production', "other hosts go to the listener's default");
  t.equal(await by('own', 'api.example.test'), 'of-own', 'another listener has its own default');

  await balancer.api('DELETE', '/v1/environments/exact?force');
  // The registry answers at once; the listener follows within milliseconds.
  const next = await eventually(
    () => by('production', 'api.example.test'),
    (server) => server !== 'of-exact' && server !== undefined,
  );
  t.equal(next, 'of-wildcard', 'the next environment that claims the host gets it');

  const refused = await balancer.api('PUT', '/v1/environments/second', testEnvironment).then(
    () => 'accepted',
    (error: Error) => error.message,
  );
  t.match(refused, /409|422/, `a second default on one listener is refused: ${refused.slice(0, 200)}`);
});
