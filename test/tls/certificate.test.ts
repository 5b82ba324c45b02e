import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type CertificateFiles, readCertificate } from '../../src/tls/certificate.ts';
import { CertificateFault } from '../../src/tls/certificate-fault.ts';
import { CertificateNames, coversHost } from '../../src/tls/certificate-names.ts';
import { readAuthority } from '../../src/tls/client-authority.ts';
import { CertificateFolder, type IssuedCertificate, openssl } from '../tools/certificate-folder.ts';

const now = Date.UTC(2026, 5, 1);

t.test('a certificate with its chain and key is read with its names and dates', async (t) => {
  const made = new CertificateFolder(t);
  const between = made.issue({ names: ['between'], authority: true });
  const leaf = made.issue({ names: ['API.example.com', '*.example.org', '127.0.0.1', '::1'], by: between, until: '20991231235959Z' });
  for (const chain of [made.chain(leaf, between), made.chain(leaf, between, made.root), leaf.certificate]) {
    const read = readCertificate({ certificate: chain, key: leaf.key }, '/', now);
    t.strictSame(read.names, ['api.example.com', '*.example.org', '127.0.0.1', '::1']);
    t.equal(read.notAfter, Date.UTC(2099, 11, 31, 23, 59, 59));
  }
  const rsa = made.issue({ names: ['rsa.example'], rsa: true });
  writeFileSync(join(made.folder, 'both.pem'), readFileSync(rsa.certificate, 'utf8') + readFileSync(rsa.key, 'utf8'));
  t.strictSame(readCertificate({ certificate: 'both.pem', key: 'both.pem' }, made.folder, now).names, ['rsa.example'], 'one file for both');
});

t.test('files that cannot be used are refused with the file, the reason and the remedy, and nothing of the key', async (t) => {
  const made = new CertificateFolder(t);
  const between = made.issue({ names: ['between'], authority: true });
  const leaf = made.issue({ names: ['a.example'], by: between });
  const other = made.issue({ names: ['b.example'] });
  const file = (name: string, text: string | Buffer) => {
    writeFileSync(join(made.folder, name), text);
    return join(made.folder, name);
  };
  const secret = readFileSync(leaf.key, 'utf8');
  openssl('pkey', '-in', leaf.key, '-aes256', '-passout', 'pass:secret', '-out', join(made.folder, 'encrypted.key'));
  openssl('ec', '-in', leaf.key, '-aes256', '-passout', 'pass:secret', '-out', join(made.folder, 'old.key'));
  openssl('x509', '-in', leaf.certificate, '-outform', 'der', '-out', join(made.folder, 'leaf.der'));
  const expired = made.issue({ names: ['a.example'], until: '20250101000000Z' });
  const early = made.issue({ names: ['a.example'], from: '20300101000000Z' });
  const oldBetween = made.issue({ names: ['between'], authority: true, until: '20250101000000Z' });
  const underOld = made.issue({ names: ['a.example'], by: oldBetween });
  const cases: [string, CertificateFiles, keyof CertificateFiles, RegExp][] = [
    ['a file that is missing', { ...leaf, certificate: '/none/c.pem' }, 'certificate', /cannot read \/none\/c.pem: there is no such file/],
    ['a key that is missing', { ...leaf, key: '/none/k.pem' }, 'key', /cannot read \/none\/k.pem: there is no such file/],
    ['a folder', { ...leaf, certificate: made.folder }, 'certificate', /EISDIR/],
    [
      'DER',
      { ...leaf, certificate: join(made.folder, 'leaf.der') },
      'certificate',
      /no certificate in PEM form, .*: convert the file, .*openssl x509 -inform der/,
    ],
    ['an empty key', { ...leaf, key: file('empty.key', '') }, 'key', /no private key in PEM form: .*openssl pkey/],
    ['the other key', { ...leaf, key: other.key }, 'key', /does not fit the certificate .*: give the key that it was issued for/],
    ['an encrypted key', { ...leaf, key: join(made.folder, 'encrypted.key') }, 'key', /is encrypted.*openssl pkey -in FILE/],
    ['a key encrypted in the old way', { ...leaf, key: join(made.folder, 'old.key') }, 'key', /is encrypted/],
    ['a damaged key', { ...leaf, key: file('cut.key', secret.replace(/\n.{20}/, '\n')) }, 'key', /damaged or unknown private key/],
    [
      'a damaged certificate',
      { ...leaf, certificate: file('cut.pem', readFileSync(leaf.certificate, 'utf8').replace(/\n.{20}/, '\n')) },
      'certificate',
      /damaged certificate/,
    ],
    [
      'a chain from its end',
      { ...leaf, certificate: made.chain(between, leaf) },
      'certificate',
      /out of order: the certificate that belongs to the key is number 2/,
    ],
    [
      'a chain in disorder',
      { ...leaf, certificate: made.chain(leaf, made.root, between) },
      'certificate',
      /out of order: put each certificate before the one that issued it/,
    ],
    [
      'a chain with a gap',
      { ...leaf, certificate: made.chain(leaf, made.root) },
      'certificate',
      /broken chain.*Number 1 \(a.example\) was issued by between, but number 2 is Sluice test root/,
    ],
    ['a foreign certificate', { ...leaf, certificate: made.chain(leaf, other) }, 'certificate', /broken chain/],
    ['an expired certificate', expired, 'certificate', /has expired, on 2025-01-01: renew it/],
    ['a certificate of the future', early, 'certificate', /not valid yet, only from 2030-01-01: check the clock/],
    [
      'an expired certificate in the chain',
      { ...underOld, certificate: made.chain(underOld, oldBetween) },
      'certificate',
      /has expired: number 2 \(between\), on 2025-01-01/,
    ],
  ];
  for (const [what, files, part, reason] of cases) {
    try {
      readCertificate(files, made.folder, now);
      t.fail(`${what} is refused`);
    } catch (error) {
      t.ok(error instanceof CertificateFault, `${what} is refused as a fault of its files: ${error}`);
      const { message } = error as CertificateFault;
      t.match(message, reason, what);
      t.equal((error as CertificateFault).part, part, what);
      t.match(message, files[part], `${what}: the message names the file`);
      const said = secret.split('\n').filter((line) => line.length > 8 && !line.startsWith('-') && message.includes(line));
      t.strictSame(said, [], 'nothing of the key is said');
    }
  }
});

t.test('an authority that has expired may stand beside a valid one, but not alone', async (t) => {
  const made = new CertificateFolder(t);
  const authority = (until: string) => made.issue({ names: [`until ${until}`], authority: true, by: 'itself', until });
  const [old, present, later] = ['20250101000000Z', '20270101000000Z', '20300101000000Z'].map(authority) as IssuedCertificate[];
  const read = (...some: (IssuedCertificate | undefined)[]) =>
    readAuthority({ ca: made.chain(...(some as IssuedCertificate[])), crl: [] }, '/', now).notAfter;
  t.equal(read(old, present, later), Date.UTC(2027, 0, 1));
  t.throws(() => read(old), /has expired, on 2025-01-01: renew it/);
  t.throws(() => read(old, old), /has expired: number 1 \(until 20250101000000Z\), on 2025-01-01/);
});

t.test('a certificate is found by exact name, then by wildcard of one label, else it is the first', async (t) => {
  const [first, exact, wild] = [{ names: ['first.example'] }, { names: ['a.example.com'] }, { names: ['*.example.com', 'a.example.com'] }];
  const names = new CertificateNames([first, exact, wild]);
  for (const [asked, found] of [
    ['a.example.com', exact],
    ['A.Example.com', exact],
    ['b.example.com', wild],
    ['b.c.example.com', first],
    ['example.com', first],
    ['none.example', first],
    [undefined, first],
    [false, first],
  ] as const)
    t.equal(names.find(asked), found, String(asked));
});

t.test('a certificate covers its names and addresses, with wildcards of one label', async (t) => {
  const names = ['a.example', '*.example.com', '127.0.0.1', '::1'];
  for (const host of ['a.example', 'A.EXAMPLE.', 'x.example.com', '127.0.0.1', '[::1]', '[0:0:0:0:0:0:0:1]'])
    t.ok(coversHost(names, host), host);
  for (const host of ['b.example', 'example.com', 'x.y.example.com', '.example.com', '127.0.0.2', '[::2]', '', '*.example'])
    t.notOk(coversHost(names, host), host);
});
