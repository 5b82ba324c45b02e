import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openRegistry } from '../../../src/registry/open-registry.ts';
import { loadSecretKeys } from '../../../src/registry/secrets/load-secret-keys.ts';
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
  for (let times = 0; times < 3; times++) await t.rejects(other.get('hop'), refusal);
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
  await t.rejects(mine.get('b'), { code: 'internal', message: /secret b is damaged/ });
  t.throws(() => mine.put('no spaces', 'x', 0), { code: 'invalid' });
});

const [one, other] = ['a-key-of-at-least-32-characters-1', 'a-key-of-at-least-32-characters-2'] as const;

t.test('a sealed text does not show its content, differs each time, and opens with the same key and context', async (t) => {
  const keys = new SecretKeys([one], 'SLUICE_SECRET_KEY');
  for (const text of ['', 'short', 'ü'.repeat(10_000)]) {
    const sealed = keys.seal(text, 'authority');
    t.notSame(sealed, keys.seal(text, 'authority'));
    t.equal(keys.open(sealed, 'authority'), text);
    t.equal(new SecretKeys([one], 'elsewhere').open(sealed, 'authority'), text, 'another process with the same key');
    t.throws(() => keys.open(sealed, 'something else'), { code: 'internal' }, 'another context');
  }
  t.notMatch(keys.seal('find-me', 'authority'), /find-me/);
});

t.test('another key: the message names both, the context and the remedy', async (t) => {
  const sealed = new SecretKeys([one], 'x').seal('text', 'authority');
  const [, id] = sealed.split('.');
  t.throws(() => new SecretKeys([other], '/data/secret.key').open(sealed, 'authority'), {
    code: 'invalid',
    message: new RegExp(
      `authority is sealed with key ${id}, but /data/secret.key has [0-9a-f]{8}: .*same key.*SLUICE_SECRET_KEY.*Nothing was changed`,
    ),
  });
});

t.test('a rotation: earlier keys still open, the first one seals', async (t) => {
  const before = new SecretKeys([one], 'x');
  const after = new SecretKeys([other, one], 'x');
  const sealed = before.seal('text', 'authority');
  t.equal(after.open(sealed, 'authority'), 'text');
  t.ok(after.isOutdated(sealed));
  const again = after.seal('text', 'authority');
  t.notOk(after.isOutdated(again));
  t.equal(new SecretKeys([other], 'x').open(again, 'authority'), 'text', 'the earlier key is not needed any more');
});

t.test('every damage of a sealed text is noticed', async (t) => {
  const keys = new SecretKeys([one], 'x');
  const sealed = keys.seal('text', 'authority');
  const [version, id, vector = '', encrypted = ''] = sealed.split('.');
  const flipped = (text: string, at: number) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
  const damages = [
    '',
    'text',
    sealed.slice(0, -1),
    `${sealed}AAAA`,
    sealed.replace('v1.', 'v2.'),
    [version, id, flipped(vector, 0), encrypted].join('.'),
    ...Array.from({ length: encrypted.length - 1 }, (_, at) => [version, id, vector, flipped(encrypted, at)].join('.')),
    [version, id, vector, encrypted.slice(0, 8)].join('.'),
  ];
  for (const damage of damages)
    t.throws(() => keys.open(damage, 'authority'), { code: 'internal', message: /damaged.*Nothing was changed/ });
});

t.test('the key comes from the variable, else from secret.key, which the first start makes for this user only', async (t) => {
  const folder = join(ownFolder(t), 'data');
  const file = join(folder, 'secret.key');
  const made = await Promise.all([1, 2, 3].map(() => loadSecretKeys(folder, {})));
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.equal(statSync(folder).mode & 0o777, 0o700);
  const sealed = made[0]?.seal('text', 'authority') ?? '';
  for (const keys of [...made, await loadSecretKeys(folder, { SLUICE_SECRET_KEY: ' ' })])
    t.equal(keys.open(sealed, 'authority'), 'text', 'one key');
  const given = await loadSecretKeys(folder, { SLUICE_SECRET_KEY: one });
  t.throws(() => given.open(sealed, 'authority'), { code: 'invalid' });
  const rotated = await loadSecretKeys(folder, { SLUICE_SECRET_KEY: `${one}\n${readFileSync(file, 'utf8')}` });
  t.equal(rotated.open(sealed, 'authority'), 'text', 'the earlier key below the new one');
  await t.rejects(loadSecretKeys(folder, { SLUICE_SECRET_KEY: 'short' }), {
    code: 'invalid',
    message: /SLUICE_SECRET_KEY is shorter than 32/,
  });
  writeFileSync(file, '\n');
  await t.rejects(loadSecretKeys(folder, {}), { code: 'invalid', message: /secret\.key is empty: restore/ });
  t.equal(readFileSync(file, 'utf8'), '\n', 'which is not replaced');
  await t.rejects(loadSecretKeys(join(file, 'below'), {}), { code: 'invalid', message: /cannot (read|write)/ });
});
