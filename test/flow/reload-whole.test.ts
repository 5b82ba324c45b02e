import t, { test } from 'tap';
import { type ConfigFile, reload } from '../tools/reload.ts';
import { startBalancer } from '../tools/sluice-under-test.ts';

t.setTimeout(100_000);

test('a reload whose access log cannot be written changes nothing else; the same reload with a path that works changes all', async (t) => {
  const balancer = await startBalancer(t, { workers: 1 });
  const environment = async () => ((await balancer.api('GET', '/v1/environments/production')) as { balance: string }).balance;
  t.equal(await environment(), 'round-robin');
  const change = (path: string) => (config: ConfigFile) => {
    Object.assign(config, { accessLog: { format: 'json', path } });
    Object.assign(config.environments['production'] ?? {}, { balance: 'hash' });
  };
  await reload(balancer, change('no-such-folder/access.log'), /SIGHUP was not carried out: .*no-such-folder/);
  t.equal(await environment(), 'round-robin');
  await reload(balancer, change('access.log'), /configuration reloaded/);
  t.equal(await environment(), 'hash');
});
