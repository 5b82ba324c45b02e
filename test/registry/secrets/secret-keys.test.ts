import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadSecretKeys } from '../../../src/registry/secrets/load-secret-keys.ts';
import { SecretKeys } from '../../../src/registry/secrets/secret-keys.ts';
import { ownFolder } from '../../tools/own-folder.ts';

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
    [version, id, flipped(vector, 0), encrypted].join('.'),
    ...Array.from({ length: encrypted.length - 1 }, (_, at) => [version, id, vector, flipped(encrypted, at)].join('.')),
    [version, id, vector, encrypted.slice(0, 8)].join('.'),
  ];
  for (const damage of damages) t.throws(() => keys.open(damage, 'authority'), { code: 'internal', message: /damaged: it is made anew/ });
  const later = sealed.replace('v1.', 'v2.');
  t.throws(() => keys.open(later, 'authority'), { code: 'invalid', message: /newer Sluice.*Nothing was changed/ }, 'no damage');
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
