import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openRegistry } from '../../../src/registry/open-registry.ts';
import { SecretKeys } from '../../../src/registry/secrets/secret-keys.ts';
import { Secrets } from '../../../src/registry/secrets/secrets.ts';
import { keptLogger } from '../../tools/fake-logger.ts';
import { ownFolder } from '../../tools/own-folder.ts';

const [first, second] = ['first-'.padEnd(40, '1'), 'second'.padEnd(40, '2')];

/** An embedded registry in a folder; `secrets` opens it with some keys. */
async function opened(t: Test) {
  const { logger, lines } = keptLogger();
  const folder = ownFolder(t);
  const registry = await openRegistry({ url: `embedded:${folder}`, logger });
  t.teardown(() => registry.close());
  const { secrets: sealed, watch } = registry;
  if (sealed === undefined) throw new Error('an embedded registry keeps secrets');
  const secrets = (...keys: [string, ...string[]]) => new Secrets({ secrets: sealed, watch, keys: new SecretKeys(keys, 'test'), logger });
  return { folder, registry, sealed, secrets, lines };
}

t.test('balancers with the same key read the secrets of each other, and the registry does not see what they are', async (t) => {
  const { folder, registry, secrets, lines } = await opened(t);
  const [one, two] = [secrets(first), secrets(first)];
  const changes: (string | undefined)[] = [];
  const watch = two.watch((name) => changes.push(name));
  await watch.ready;
  t.ok(await one.put('acme:account', 'the private key', 0));
  t.match(await two.get('acme:account'), { name: 'acme:account', text: 'the private key' });
  t.same(changes, ['acme:account']);
  watch.close();
  t.notOk(await two.put('acme:account', 'another', 0));
  await registry.close();
  const file = await readFile(join(folder, 'registry.json'), 'utf8');
  t.match(file, 'acme:account');
  t.notMatch(file, 'the private key');
  t.notMatch(JSON.stringify(lines), 'the private key');
});

t.test('a balancer with another key says what to do, and changes nothing', async (t) => {
  const { secrets, lines } = await opened(t);
  await secrets(first).put('hop', 'secret', 0);
  await secrets(second).put('mine', 'other', 0);
  const other = secrets(second);
  const refusal = { code: 'invalid', message: /secret hop is sealed with key [0-9a-f]{8}, but test has [0-9a-f]{8}.*SLUICE_SECRET_KEY/ };
  for (let times = 0; times < 3; times++) t.match(await other.get('hop'), { text: undefined, fault: refusal });
  t.match(await other.list(''), [{ name: 'mine' }], 'what opens is read');
  await other.resealAll();
  const said = lines.filter(({ msg }) => msg === 'a secret of the registry cannot be opened');
  t.match(said, [{ secret: 'hop', reason: /SLUICE_SECRET_KEY/ }], 'once');
  t.match(await secrets(first).get('hop'), { text: 'secret' });
});

t.test('after a rotation the secrets are sealed with the new key', async (t) => {
  const { secrets, lines } = await opened(t);
  await secrets(first).put('hop', 'secret', 0);
  const both = secrets(second, first);
  t.match(await both.get('hop'), { text: 'secret' }, 'the earlier key still opens');
  await both.resealAll();
  t.match(await secrets(second).get('hop'), { text: 'secret' }, 'the earlier key is not needed any more');
  const count = lines.length;
  await both.resealAll();
  t.equal(lines.length, count, 'and nothing is sealed twice');
});

t.test('a secret cannot be put in the place of another', async (t) => {
  const { sealed, secrets } = await opened(t);
  const mine = secrets(first);
  await mine.put('a', 'secret', 0);
  await sealed.put('b', (await sealed.get('a'))?.sealed ?? '', 0);
  t.match(await mine.get('b'), { text: undefined, fault: { code: 'internal', message: /secret b is damaged/ } });
  await t.rejects(mine.put('no spaces', 'x', 0), { code: 'invalid' });
});
