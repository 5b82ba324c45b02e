import t, { test } from 'tap';
import { deployEcho, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { Load } from '../tools/load.ts';
import { pause } from '../tools/pause.ts';
import { type ConfigFile, reload } from '../tools/reload.ts';
import { adminToken, joinToken, serving, startBalancer } from '../tools/sluice-under-test.ts';
import { startShortLeased, ttl } from './short-leases.ts';

t.setTimeout(300_000);
// Side by side: each test has processes of its own, and waits most of the time.
t.jobs = 2;

/** Removes the tokens that the tests usually set, so that those of the configuration count. */
const noTokens = { SLUICE_ADMIN_TOKEN: undefined, SLUICE_JOIN_TOKEN: undefined } as unknown as Record<string, string>;

test('tokens are replaced under load, by way of two that are valid at a time: no request is lost', async (t) => {
  const target = await startTarget(t);
  const tokens = { admin: adminToken, join: joinToken };
  const balancer = await startBalancer(t, { control: { listen: '127.0.0.1:0', tokens } }, {}, noTokens);
  await deployEcho(balancer, target.url);
  const old = await Promise.all(['a', 'b'].map((id) => startShortLeased(t, id, balancer.control)));
  await serving(balancer, ['a', 'b']);
  const load = new Load(balancer.address, '/echo/', { restMs: 5 });
  t.teardown(() => load.stop());
  const valid = (admin: unknown, join: unknown) =>
    reload(balancer, (config: ConfigFile) => Object.assign(config.control, { tokens: { admin, join } }), /configuration reloaded/);
  const status = async (path: string, token: string, method = 'GET') =>
    (await fetch(balancer.control + path, { method, headers: { authorization: `Bearer ${token}` } })).status;
  const asAdmin = (token: string) => status('/v1/servers', token);
  const asServer = (token: string) => status('/v1/register/nobody', token, 'DELETE');

  await valid({ before: adminToken, now: 'the-new-admin-token' }, ['the-new-join-token', joinToken]);
  t.same(await Promise.all([adminToken, 'the-new-admin-token'].map(asAdmin)), [200, 200]);
  t.same(await Promise.all([joinToken, 'the-new-join-token'].map(asServer)), [204, 204]);
  await Promise.all(['c', 'd'].map((id) => startShortLeased(t, id, balancer.control, 'the-new-join-token')));
  await serving(balancer, ['a', 'b', 'c', 'd']);
  for (const { gateway } of old) await gateway.drain();
  await serving(balancer, ['c', 'd']);

  await valid([adminToken], 'the-new-join-token');
  t.same(await Promise.all([joinToken, 'the-new-join-token'].map(asServer)), [401, 204]);
  t.equal(await asAdmin('the-new-admin-token'), 401);
  const fixed = balancer.process.log.filter(({ msg }) => /takes effect when the balancer is restarted/.test(msg ?? ''));
  t.strictSame(fixed, []);
  await pause(2 * ttl);
  const { wrong, sent } = await load.stop();
  t.comment(`${wrong.length} of ${sent} requests failed`);
  t.strictSame(wrong, []);
});

test('a join token that is replaced without the gateways knowing: they keep their traffic while they pass their checks', async (t) => {
  const target = await startTarget(t);
  let balancer = await startBalancer(t);
  await deployEcho(balancer, target.url);
  const gateways = await Promise.all(['a', 'b'].map((id) => startShortLeased(t, id, balancer.control)));
  await serving(balancer, ['a', 'b']);
  balancer.process.signal('SIGTERM');
  await balancer.process.ended();
  balancer = await balancer.again({ SLUICE_JOIN_TOKEN: 'the-new-join-token' });
  await serving(balancer, ['a', 'b']);
  const load = new Load(balancer.address, '/echo/', { restMs: 5 });
  t.teardown(() => load.stop());
  await eventually(() => gateways.every(({ lines }) => lines.some(({ reason }) => /join token/.test(String(reason)))), Boolean, {
    what: 'both gateways to log that their token is refused',
  });
  await eventually(
    () => balancer.api('GET', '/v1/servers') as Promise<{ reason?: string }[]>,
    (servers) => servers.every(({ reason }) => /lease ended/.test(reason ?? '')),
    { what: 'both leases to end' },
  );
  await pause(2 * ttl);
  load.recount();
  await load.until(({ by }) => by.has('a') && by.has('b'));
  const { wrong, sent } = await load.stop();
  t.comment(`${wrong.length} of ${sent} requests failed`);
  t.strictSame(wrong, []);
});
