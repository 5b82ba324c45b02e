import { X509Certificate } from 'node:crypto';
import type { Test } from 'tap';
import { Authority } from '../../src/certificates/authority.ts';
import { refuseServer, serverUri, writeKey } from '../../src/certificates/hop-certificates.ts';
import { makeKeyPair } from '../../src/certificates/key-pair.ts';
import { splitPem } from '../../src/model/certificate.ts';
import type { HopCertificate } from '../../src/model/hop.ts';
import type { ServerRecord } from '../../src/model/server.ts';
import type { Certifier } from '../../src/registry/contract.ts';
import type { Open } from './registry.ts';
import { listen, request } from './registry-samples.ts';

const authority = Authority.make(Date.now());
let certificates = 0;

/** Certifies every key once for each environment. */
const certifier: Certifier = {
  certify({ id, environment, hop }: ServerRecord): HopCertificate | undefined {
    if (hop === undefined || hop.certificate !== undefined) return undefined;
    const until = Date.now() + 60_000;
    const uri = serverUri(environment, id);
    const pem = authority.issue({ uri, publicKey: Buffer.from(hop.key, 'base64'), purpose: 'server', from: Date.now() - 1000, until });
    return { id: `${++certificates}`, authorities: authority.id, pem: pem + authority.certificate, until };
  },
};

/** Certification of the keys of servers. A registry behind a balancer leaves it to that balancer. */
export function certifying(t: Test, open: Open): void {
  const key = writeKey(makeKeyPair().publicKey);
  const renewal = { id: 'one', instance: 'one-1', projects: [] };
  const claim = (certificate: string | undefined, environment?: string) => ({
    key,
    serves: { certificate: certificate ?? '0', ...(environment !== undefined && { environment }) },
  });

  t.test('a server has a certificate for its key, id and environment with the answer to its join', async (t) => {
    const { registry, other, behind = registry } = await open(t);
    behind.certification?.use(certifier);
    await registry.putEnvironment('production', {});
    await registry.putEnvironment('staging', {});
    const { server } = await registry.join(request('one', { environment: 'production', hop: { key } }));
    const { hop } = server;
    const [leaf = '', ca = ''] = splitPem(hop?.certificate?.pem ?? '');
    t.equal(refuseServer(new X509Certificate(leaf), server, [new X509Certificate(ca)]), undefined);
    t.equal(hop?.serves, undefined);
    t.equal((await other.server('one'))?.hop?.certificate?.pem, undefined, 'only the server itself gets the text');

    const id = hop?.certificate?.id;
    const { server: acknowledged } = await registry.renew({ ...renewal, hop: claim(id, 'production') });
    const { pem: _, ...known } = hop?.certificate ?? {};
    t.same(acknowledged.hop, { key, certificate: known, serves: true }, 'the text is not sent again');
    t.match((await registry.renew({ ...renewal, hop: { key } })).server.hop, { certificate: { pem: leaf + ca } }, 'unless it is asked for');
    await registry.renew({ ...renewal, hop: claim(id, 'production') });
    t.match((await registry.renew(renewal)).server.hop, { serves: true }, 'what is not said stays');

    await registry.assign('one', 'staging');
    const { server: moved } = await registry.renew({ ...renewal, drained: true, hop: claim(id, 'production') });
    t.equal(moved.environment, 'staging');
    t.equal(moved.hop?.serves, undefined, 'the certificate names another environment');
    t.not(moved.hop?.certificate?.id, id);
    const [second = ''] = splitPem(moved.hop?.certificate?.pem ?? '');
    t.equal(new X509Certificate(second).subjectAltName, `URI:${serverUri('staging', 'one')}`);
    t.equal((await registry.renew({ ...renewal, hop: claim(id, 'production') })).server.hop?.serves, undefined, 'nor does a late report');

    const restarted = await registry.join(request('one', { instance: 'one-1', hop: claim(moved.hop?.certificate?.id, 'staging') }));
    t.match(restarted.server.hop, { serves: true, certificate: { id: moved.hop?.certificate?.id } });
    const another = writeKey(makeKeyPair().publicKey);
    const { server: changed } = await registry.join(request('one', { hop: { key: another } }));
    t.equal(changed.hop?.key, another);
    t.equal(changed.hop?.serves, undefined, 'a certificate is for one key');
    t.not(changed.hop?.certificate?.id, moved.hop?.certificate?.id);
    t.equal((await registry.join(request('one'))).server.hop, undefined, 'a server that joins without a key answers without TLS');
  });

  t.test('a server that joined where nothing certifies is certified elsewhere, and hears of it', async (t) => {
    const { registry, other } = await open(t);
    if (other.certification === undefined || other === registry) return t.pass('one process, or none that certifies');
    await registry.putEnvironment('production', {});
    const heard = await listen(t, registry, 'one');
    const joined = await registry.join(request('one', { environment: 'production', hop: { key } }));
    t.same(joined.server.hop, { key });
    other.certification.use(certifier);
    await other.certification.certify('one');
    await Promise.all([other.certification.certify('one'), other.certification.certify('absent')]);
    await registry.putEnvironment('end', {});
    await heard.until(({ kind }) => kind === 'environment');
    t.same(
      heard.all.map(({ kind }) => kind),
      ['server', 'server', 'environment'],
      'of the join, and once of the certificate',
    );
    const { server } = await registry.renew({ ...renewal, hop: { key } });
    t.match(server.hop?.certificate?.pem, 'BEGIN CERTIFICATE');
  });

  t.test('a server tells when its certificate for clients expires', async (t) => {
    const { registry, other } = await open(t);
    await registry.putEnvironment('production', {});
    const [first, second] = [
      { certificate: 'gw.pem', until: 1 },
      { certificate: 'gw.pem', until: 2, fault: 'gw.pem is damaged' },
    ];
    const told = async () => (await other.server('one'))?.ownCertificate;
    await registry.join(request('one', { environment: 'production', ownCertificate: first }));
    t.same(await told(), first);
    await registry.renew({ ...renewal, ownCertificate: second });
    t.same(await told(), second);
    await registry.renew(renewal);
    t.same(await told(), second, 'what is not said stays');
    await registry.renew({ ...renewal, ownCertificate: first });
    t.same(await told(), first, 'without the fault');
    await registry.join(request('one', { instance: 'one-1' }));
    t.equal(await told(), undefined, 'a server that joins without has none');
  });

  t.test('a text that is no key is refused', async (t) => {
    const { registry } = await open(t);
    for (const wrong of ['', 'x', `${key}=`, key.replace(/^M/, 'N')])
      await t.rejects(registry.join(request('one', { hop: { key: wrong } })), { code: 'invalid', message: /hop\.key/ });
  });
}
