import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { authorityKeyOf } from '../../src/certificates/authority-key.ts';
import { noEnd, writeCertificate, writeCertificateRequest } from '../../src/certificates/certificate.ts';
import { ownFolder } from '../tools/own-folder.ts';

const day = 86_400_000;
const key = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

function authority(name = 'an authority', from = Date.now() - day) {
  const { publicKey, privateKey } = key();
  const pem = writeCertificate({ name, publicKey, purpose: 'authority', from, until: noEnd }, { name, privateKey });
  return { pem, name, privateKey };
}

function leaf(signer: { name: string; privateKey: KeyObject }, purpose: 'server' | 'client', hosts: string[] = []) {
  const content = { name: 'gw-1', publicKey: key().publicKey, purpose, names: { uris: ['sluice://gateway/gw-1'], hosts } };
  return writeCertificate({ ...content, from: Date.now() - day, until: Date.now() + day }, signer);
}

/** Verdict of OpenSSL about a chain of two certificates. */
function verdict(folder: string, ca: string, certificate: string, purpose: 'sslserver' | 'sslclient'): string {
  const files = { ca: join(folder, 'ca.pem'), certificate: join(folder, 'certificate.pem') };
  writeFileSync(files.ca, ca);
  writeFileSync(files.certificate, certificate);
  try {
    return execFileSync('openssl', ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', files.ca, files.certificate], {
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
  } catch (error) {
    return String((error as { stderr: string }).stderr);
  }
}

t.test('OpenSSL accepts a certificate for the purpose it was written for, by the strict rules of RFC 5280, and for no other', async (t) => {
  const ca = authority();
  const folder = ownFolder(t);
  t.match(verdict(folder, ca.pem, leaf(ca, 'server'), 'sslserver'), /: OK$/);
  t.match(verdict(folder, ca.pem, leaf(ca, 'client'), 'sslclient'), /: OK$/);
  t.match(verdict(folder, ca.pem, leaf(ca, 'client'), 'sslserver'), /purpose/);
  t.match(verdict(folder, ca.pem, leaf(ca, 'server'), 'sslclient'), /purpose/);
  t.notMatch(verdict(folder, authority().pem, leaf(ca, 'server'), 'sslserver'), /: OK/, 'another authority of the same name');
  const holder = key();
  const intermediate = leaf({ name: 'gw-1', privateKey: holder.privateKey }, 'server');
  t.notMatch(verdict(folder, ca.pem, intermediate, 'sslserver'), /: OK/, 'a holder signs no certificate');
});

t.test('the names of a certificate: addresses of both families, host names, a URI', async (t) => {
  const ca = authority();
  const hosts = ['192.0.2.200', '2001:db8::1', '::1', '::', 'fe80::1%eth0', '::ffff:192.0.2.7', '1:2:3:4:5:6:7:8', 'gw-1.example.com'];
  const certificate = new X509Certificate(leaf(ca, 'server', hosts));
  for (const host of ['192.0.2.200', '2001:db8::1', '::1', '::', 'fe80::1', '::ffff:192.0.2.7', '1:2:3:4:5:6:7:8'])
    t.ok(certificate.checkIP(host), host);
  t.notOk(certificate.checkIP('192.0.2.201'));
  t.ok(certificate.checkHost('gw-1.example.com'));
  t.match(certificate.subjectAltName, 'URI:sluice://gateway/gw-1');
  t.equal(certificate.subject, 'CN=gw-1');
  t.equal(certificate.issuer, 'CN=an authority');
});

t.test('dates before and after 2050, serial numbers that differ, and long contents', async (t) => {
  const late = new X509Certificate(authority('late', Date.UTC(2049, 11, 31, 23, 59, 59)).pem);
  t.equal(late.validFrom, 'Dec 31 23:59:59 2049 GMT');
  t.equal(late.validTo, 'Dec 31 23:59:59 9999 GMT');
  t.equal(new X509Certificate(authority('later', Date.UTC(2050, 0, 1)).pem).validFrom, 'Jan  1 00:00:00 2050 GMT');
  const ca = authority();
  const serials = new Set(Array.from({ length: 100 }, () => new X509Certificate(leaf(ca, 'server')).serialNumber));
  t.equal(serials.size, 100);
  for (const serial of serials) t.equal(serial.length, 32);
  const many = Array.from({ length: 40 }, (_, index) => `host-${index}.a-long-domain-of-an-example.com`);
  t.ok(new X509Certificate(leaf(ca, 'server', many)).checkHost('host-39.a-long-domain-of-an-example.com'));
  const more = Array.from({ length: 2000 }, (_, index) => `host-${index}.a-long-domain-of-an-example.com`);
  t.throws(() => leaf(ca, 'server', more), { message: /65535/ });
});

t.test('OpenSSL reads a request for a certificate, and the proof of a name by TLS-ALPN-01', async (t) => {
  const { privateKey, publicKey } = key();
  const openssl = (input: string | Buffer, ...options: string[]) =>
    execFileSync('openssl', options, { input, encoding: 'utf8', stdio: 'pipe' });
  const request = writeCertificateRequest({ hosts: ['api.example.com', '192.0.2.1'] }, privateKey);
  const read = openssl(request, 'req', '-inform', 'der', '-noout', '-text', '-verify');
  t.match(read, /DNS:api\.example\.com, IP Address:192\.0\.2\.1/);
  t.match(read, /id-ecPublicKey/);
  const acmeDigest = randomBytes(32);
  const content = { name: 'a.example', publicKey, purpose: 'server', names: { hosts: ['a.example'] }, acmeDigest } as const;
  const proof = writeCertificate({ ...content, from: Date.now() - day, until: Date.now() + day }, { name: 'a.example', privateKey });
  t.match(openssl(proof, 'x509', '-noout', '-text'), /1\.3\.6\.1\.5\.5\.7\.1\.31: critical/);
  t.ok(new X509Certificate(proof).raw.includes(Buffer.concat([Buffer.of(4, 34, 4, 32), acmeDigest])));
});

t.test('the key of the authority is read from its certificates', async (t) => {
  const ca = authority();
  const id = (pem: string) => authorityKeyOf(new X509Certificate(pem).raw)?.toString('hex');
  t.match(id(leaf(ca, 'server')), /^[0-9a-f]{40}$/);
  t.equal(id(leaf(ca, 'server')), id(ca.pem));
  const { raw } = new X509Certificate(ca.pem);
  for (let cut = 0; cut < raw.length; cut += 7) authorityKeyOf(raw.subarray(0, cut));
  t.equal(authorityKeyOf(Buffer.from('0603551d23', 'hex')), undefined);
});
