import { scryptSync } from 'node:crypto';
import t from 'tap';
import { digestOf, isPassword, passwordDigest } from '../../src/model/password-digest.ts';

t.test('a digest is that of its password alone, and has its own salt', async (t) => {
  const [one, other] = await Promise.all([digestOf('correct horse'), digestOf('correct horse')]);
  t.not(one, other);
  t.match(one, /^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  t.ok(passwordDigest.safeParse(one).success);
  t.ok(await isPassword('correct horse', one));
  t.notOk(await isPassword('correct horse ', one));
  t.notOk(await isPassword('', one));
});

t.test('digests of other programs and costs are read', async (t) => {
  // RFC 7914 section 12: scrypt of "password" with the salt "NaCl", N = 1024, r = 8, p = 16, 64 octets.
  const hash =
    'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640';
  t.equal(scryptSync('password', 'NaCl', 64, { N: 1024, r: 8, p: 16 }).toString('hex'), hash);
  const salt = Buffer.from('NaCl-NaCl').toString('base64').replace(/=+$/, '');
  const own = scryptSync('password', 'NaCl-NaCl', 64, { N: 1024, r: 8, p: 16 }).toString('base64').replace(/=+$/, '');
  t.ok(await isPassword('password', `$scrypt$ln=10,r=8,p=16$${salt}$${own}`));
});

t.test('equal passwords in two Unicode forms are the same', async (t) => {
  t.ok(await isPassword('caf\u00e9', await digestOf('cafe\u0301')));
});

t.test('a digest that is malformed or too costly is refused, and lets no one in', async (t) => {
  const [salt, hash] = ['c2FsdHNhbHRzYWx0c2Fs', 'aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g'];
  for (const digest of [
    '',
    'secret',
    `$scrypt$ln=0,r=8,p=1$${salt}$${hash}`,
    `$scrypt$ln=18,r=1,p=1$${salt}$${hash}`,
    `$scrypt$ln=17,r=9,p=1$${salt}$${hash}`,
    `$scrypt$ln=15,r=8,p=17$${salt}$${hash}`,
    `$scrypt$ln=15,r=8,p=1$$${hash}`,
    `$scrypt$ln=15,r=8,p=1$${salt}$`,
    `$scrypt$ln=15,r=8,p=1$${salt}$${hash}\n`,
    `$argon2id$v=19$m=65536,t=2,p=1$${salt}$${hash}`,
  ]) {
    t.notOk(passwordDigest.safeParse(digest).success, digest);
    t.notOk(await isPassword('secret', digest), digest);
  }
});
