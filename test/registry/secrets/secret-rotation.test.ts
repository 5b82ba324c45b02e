import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openRegistry } from '../../../src/registry/open-registry.ts';
import { loadSecretKeys } from '../../../src/registry/secrets/load-secret-keys.ts';
import { SecretRotation } from '../../../src/registry/secrets/secret-rotation.ts';
import { Secrets } from '../../../src/registry/secrets/secrets.ts';
import { FakeClock } from '../../tools/fake-clock.ts';
import { keptLogger } from '../../tools/fake-logger.ts';
import { ownFolder } from '../../tools/own-folder.ts';
import { startRedis } from '../../tools/redis.ts';

const [earlier, later] = ['old'.padEnd(40, '1'), 'new'.padEnd(40, '2')];

/** A balancer's secrets on a registry, with keys in its own data folder. */
async function open(t: Test, url: string, keys?: string, clock = new FakeClock()) {
  const { logger, lines } = keptLogger();
  const registry = await openRegistry({ url, logger });
  t.teardown(() => registry.close());
  const { secrets: sealed, watch } = registry;
  if (sealed === undefined) throw new Error('this registry keeps secrets');
  const dataDir = ownFolder(t);
  const file = join(dataDir, 'secret.key');
  if (keys !== undefined) writeFileSync(file, keys);
  const secrets = new Secrets({ secrets: sealed, watch, keys: await loadSecretKeys(dataDir, {}), logger });
  const rotation = new SecretRotation({ secrets, sealed, dataDir, env: {}, clock, logger, alone: url.startsWith('embedded:') });
  t.teardown(() => rotation.stop());
  await rotation.start();
  /** Opens the secret anew, so that nothing of before helps. */
  const read = async () => (await secrets.get('shared'))?.text;
  return { secrets, rotation, file, read, lines, give: (text: string) => writeFileSync(file, text) };
}

t.test('several balancers: at every moment all of them read everything, and a key that one of them lacks seals nothing', async (t) => {
  const { url } = await startRedis(t);
  const clock = new FakeClock();
  const one = await open(t, url, earlier, clock);
  const two = await open(t, url, earlier, clock);
  await one.secrets.put('shared', 'content', 0, 'clear');
  const both = async (when: string) => t.same([await one.read(), await two.read()], ['content', 'content'], when);
  await both('before');

  one.give(`${later}\n${earlier}`);
  await t.rejects(one.rotation.rotate(), { code: 'conflict', message: /nothing was changed: key [0-9a-f]{8}, .* is unknown to .*process/ });
  await both('the other lacks the new key');
  two.give(`${earlier} ${later}`);
  await two.rotation.reload();
  const { resealed, made, keys, others } = await one.rotation.rotate();
  t.match({ resealed, made, others }, { resealed: 1, made: false, others: [{ keys: [keys[1], keys[0]] }] });
  await both('sealed with the new key');
  t.match(await two.secrets.get('shared'), { clear: 'clear' });

  for (const balancer of [two, one]) {
    balancer.give(later);
    await balancer.rotation.reload();
    await both('the earlier key is dropped at one after the other');
  }
  t.match(await one.rotation.status(), { keys: [keys[0]], secrets: [{ name: 'shared', key: keys[0] }] });
  t.match(await one.rotation.rotate(), { resealed: 0, made: false }, 'not alone: it makes no key');

  await two.rotation.stop();
  t.match(await one.rotation.status(), { others: [] }, 'a balancer that ends takes its note with it');
  const three = await open(t, url, `${earlier} ${later}`, clock);
  t.match(await three.rotation.status(), { secrets: [{ key: keys[0] }] }, 'a start seals nothing with a key that others lack');
});

t.test('a single balancer with its key in a file makes a new one, and drops the former', async (t) => {
  const url = `embedded:${ownFolder(t)}`;
  const { secrets, rotation, read, file } = await open(t, url);
  await secrets.put('shared', 'content', 0);
  const before = secrets.keyId;
  const first = readFileSync(file, 'utf8');
  const { resealed, made, keys } = await rotation.rotate();
  t.match({ resealed, made, keys }, { resealed: 1, made: true, keys: [secrets.keyId] });
  t.not(secrets.keyId, before);
  t.equal(await read(), 'content');
  t.notMatch(readFileSync(file, 'utf8'), first.trim());
  t.equal(statSync(file).mode & 0o777, 0o600);
  await secrets.put('shared', 'next', (await secrets.get('shared'))?.revision ?? 0);
  t.equal(await read(), 'next');
});

t.test('what could not be opened is read again once its key is given', async (t) => {
  const url = (await startRedis(t)).url;
  const one = await open(t, url, earlier);
  const two = await open(t, url, later);
  await one.secrets.put('shared', 'content', 0);
  t.match(await two.rotation.status(), { secrets: [{ name: 'shared', fault: /is sealed with key/ }] });
  const heard: (string | undefined)[] = [];
  const watch = two.secrets.watch((name) => heard.push(name));
  await watch.ready;
  two.give(`${later}\n${earlier}`);
  await two.rotation.reload();
  t.ok(heard.includes(undefined));
  t.equal(await two.read(), 'content');
  t.match((await two.rotation.status()).secrets, [{ name: 'shared', fault: undefined }]);
  watch.close();
});
