import { X509Certificate } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { CertificateStore } from '../../src/tls/certificate-store.ts';
import { readAuthority } from '../../src/tls/client-authority.ts';
import { isRevoked } from '../../src/tls/revocation-list.ts';
import { CertificateFolder, type IssuedCertificate, openssl } from '../tools/certificate-folder.ts';
import { eventually } from '../tools/eventually.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { keptLogger } from '../tools/fake-logger.ts';

const now = Date.UTC(2026, 5, 1);
const made = new CertificateFolder(t);
const client = made.issue({ names: ['client'] });
const read = (...crl: string[]) => readAuthority({ ca: made.root.certificate, crl }, '/', now);
const x509 = ({ certificate }: IssuedCertificate) => new X509Certificate(readFileSync(certificate));
const file = (name: string, text: string | Buffer) => {
  writeFileSync(join(made.folder, name), text);
  return join(made.folder, name);
};
const pem = (name: string) => readFileSync(name, 'utf8');

t.test('the lists of authorities with all kinds of keys tell which certificates are revoked', async (t) => {
  const rsa = made.issue({ names: ['RSA'], authority: true, rsa: true, by: 'itself' });
  const ca = made.chain(made.root, rsa);
  for (const [what, by, options] of [
    ['ECDSA', made.root, []],
    ['ECDSA and SHA-512', made.root, ['-md', 'sha512']],
    ['RSA', rsa, []],
    ['RSA and SHA-384', rsa, ['-md', 'sha384']],
    ['RSA-PSS', rsa, ['-sigopt', 'rsa_padding_mode:pss']],
  ] as const) {
    const [bad, good, third] = [1, 2, 3].map((number) => made.issue({ names: [`c${number}`], by })) as [
      IssuedCertificate,
      IssuedCertificate,
      IssuedCertificate,
    ];
    const { lists } = readAuthority({ ca, crl: [made.revoke([bad, third], { by, options })] }, '/', now);
    t.match(lists, [{ revoked: 2, nextUpdate: Date.UTC(2099, 11, 31, 23, 59, 59) }], what);
    const verdicts = [bad, good, third].map((one) => isRevoked(x509(one), x509(by), lists));
    t.strictSame(verdicts, [true, false, true], what);
    t.notOk(isRevoked(x509(bad), x509(by === rsa ? made.root : rsa), lists), 'numbers of another authority do not count');
  }
  const numbered = ['0x5', '0x10', '0x80', '0xff01', `0x${'7f'.repeat(20)}`].map((serial) => {
    const certificate = join(made.folder, `${serial}.pem`);
    openssl('req', '-x509', '-key', client.key, '-subj', '/CN=numbered', '-set_serial', serial, '-out', certificate);
    return { certificate, key: client.key };
  });
  const ofAll = read(made.revoke(numbered)).lists;
  for (const one of numbered) {
    t.ok(isRevoked(x509(one), x509(made.root), ofAll), x509(one).serialNumber);
    t.notOk(isRevoked(x509(one), x509(made.root), read(made.revoke(numbered.filter((other) => other !== one))).lists));
  }
  const [one, other] = [made.revoke([]), made.revoke([], { by: rsa })];
  t.strictSame(
    readAuthority({ ca, crl: [file('both.crl', pem(one) + pem(other))] }, '/', now).lists.map(({ revoked }) => revoked),
    [0, 0],
    'a file may have several lists, and a list may be empty',
  );
});

t.test('lists that cannot be used are refused with the file, the reason and the remedy', async (t) => {
  const twin = new CertificateFolder(t);
  const stranger = made.issue({ names: ['stranger'], authority: true, by: 'itself' });
  const list = made.revoke([client]);
  openssl('crl', '-in', list, '-outform', 'der', '-out', join(made.folder, 'list.der'));
  const damaged = Buffer.from(pem(list).split('\n').slice(1, -2).join(''), 'base64');
  damaged[damaged.length - 1] = (damaged.at(-1) as number) ^ 1;
  const inPem = (octets: Buffer) => `-----BEGIN X509 CRL-----\n${octets.toString('base64')}\n-----END X509 CRL-----\n`;
  const cases: [string, string, RegExp][] = [
    ['a file that is missing', '/none/list.crl', /cannot read \/none\/list\.crl: there is no such file/],
    ['DER', join(made.folder, 'list.der'), /no revocation list in PEM form, .*: convert the file, .*openssl crl -inform der/],
    ['an empty file', file('empty.crl', ''), /no revocation list in PEM form/],
    ['a certificate', made.root.certificate, /no revocation list in PEM form/],
    ['half a list', file('half.crl', inPem(damaged.subarray(0, 80))), /damaged revocation list: copy the file again/],
    ['a wrong signature', file('wrong.crl', inPem(damaged)), /of Sluice test root whose signature is not valid for the certificate/],
    ['an authority of the same name', twin.revoke([]), /of Sluice test root whose signature is not valid for the certificate/],
    ['SHA-1', made.revoke([], { options: ['-md', 'sha1'] }), /signed with SHA-256 or better/],
    ['another authority', made.revoke([], { by: stranger }), /list of stranger, which is none of the authorities in .*root\.pem: add/],
    ['a delta list', made.revoke([], { extensions: '2.5.29.27=critical,DER:020101' }), /delta list.*: give the complete/],
    ['an indirect list', made.revoke([], { extensions: '2.5.29.28=critical,DER:30038401FF' }), /indirect revocation list/],
    ['an unknown extension', made.revoke([], { extensions: '1.2.3.4=critical,DER:0500' }), /critical extension 1\.2\.3\.4/],
  ];
  for (const [what, crl, message] of cases) {
    t.throws(() => read(crl), { part: 'crl', message, outdated: undefined }, what);
    t.throws(() => read(list, crl), { message }, `${what}, beside a good one`);
  }
  for (const [what, dates, message] of [
    ['late', { until: '20260101000000Z' }, /is out of date: the next revocation list of Sluice test root was due on 2026-01-01\. Get it/],
    ['early', { from: '20270101000000Z' }, /is not valid yet, only from 2027-01-01: check the clock/],
  ] as const) {
    const late = made.revoke([client], dates);
    t.throws(() => read(late), { part: 'crl', file: late, message, outdated: { lists: [{ revoked: 1 }] } }, `${what}: it can be used`);
  }
  const distributed = made.revoke([client], { extensions: 'issuingDistributionPoint=critical,@d\n[d]\nonlyuser=TRUE' });
  t.ok(read(distributed), 'a list of some of the certificates is taken for these');
});

t.test('a list is replaced once it has settled; a faulty one changes nothing; one that comes of age is used, and told', async (t) => {
  const clock = new FakeClock();
  const date = { now: now };
  Object.assign(clock, { date: () => date.now });
  const { logger, lines } = keptLogger();
  const store = new CertificateStore(made.folder, clock, logger);
  t.teardown(() => store.close());
  const list = join(made.folder, 'used.crl');
  made.revoke([], { file: list, until: '20260701000000Z' });
  const files = { ca: made.root.certificate, crl: ['used.crl'] };
  let changes = 0;
  store.changed = () => void changes++;
  const revoked = () => store.findAuthority(files)?.lists.map((one) => one.revoked);
  // The store looks every two seconds, and reads files of the disk meanwhile.
  const look = (done: () => boolean) =>
    eventually(
      async () => {
        await clock.pass(2000);
        return done();
      },
      (isDone) => isDone,
      { what: 'the next state of the list' },
    );
  t.strictSame(revoked(), [0]);
  t.match(store.states, [{ lists: [{ file: 'used.crl', revoked: 0, nextUpdate: Date.UTC(2026, 6, 1) }] }]);
  made.revoke([client], { file: list, until: '20260701000000Z' });
  await look(() => changes === 1);
  t.strictSame(revoked(), [1]);
  t.match(lines.at(-1), { msg: /^revocation lists of client certificates replaced/ });
  copyFileSync(made.root.certificate, list);
  await look(() => store.states[0]?.lists?.[0]?.fault !== undefined);
  t.strictSame(revoked(), [1], 'what was read before stays in use');
  t.match(lines.at(-1), { level: 50, msg: /used\.crl holds no revocation list .*; what was read before stays in use/ });
  t.equal(store.states[0]?.fault, undefined, 'the authorities have no fault');
  made.revoke([client], { file: list, until: '20260701000000Z' });
  await look(() => store.states[0]?.lists?.[0]?.fault === undefined);
  t.equal(changes, 2, 'the same numbers, signed again');
  date.now = Date.UTC(2026, 6, 2);
  await look(() => store.states[0]?.lists?.[0]?.fault !== undefined);
  t.match(store.states[0]?.lists?.[0]?.fault, /out of date: .* was due on 2026-07-01/);
  t.match(lines.at(-1), { level: 50, msg: /; it is used all the same: what it revokes is refused/ });
  t.equal(store.faultOf(files), undefined, 'lists that are in use do not stop a change of something else');
  made.revoke([client, made.issue({ names: ['second'] })], { file: list, until: '20260702000000Z' });
  await look(() => changes === 3);
  t.strictSame(revoked(), [2], 'a newer list is used, although it is out of date as well');
});
