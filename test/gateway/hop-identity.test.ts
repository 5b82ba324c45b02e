import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Authority } from '../../src/certificates/authority.ts';
import { balancerUri, nameCertificate, serverUri } from '../../src/certificates/hop-certificates.ts';
import { makeKeyPair } from '../../src/certificates/key-pair.ts';
import { HopIdentity } from '../../src/gateway/hop-identity.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { ownFolder } from '../tools/own-folder.ts';

const authority = Authority.make(Date.now());
const until = Date.now() + 3_600_000;

/** A clock with the present date, for certificates. */
class Today extends FakeClock {
  override date(): number {
    return Date.now();
  }
}

function gateway(t: Test) {
  const dataDir = ownFolder(t);
  const { logger, lines } = keptLogger();
  const clock = new Today();
  const load = async (id = 'a') => {
    const identity = await HopIdentity.load({ id, dataDir, clock, logger });
    // A certificate that was taken over is written to the folder, which is removed after that.
    t.teardown(() => identity.settled());
    return identity;
  };
  return { dataDir, load, lines, clock };
}

/** What the registry says of a server with a certificate. */
function certified(key: string, { id = 'a', environment = 'production', by = authority } = {}) {
  const leaf = by.issue({
    uri: serverUri(environment, id),
    publicKey: Buffer.from(key, 'base64'),
    purpose: 'server',
    from: Date.now() - 1000,
    until,
  });
  const certificate = { id: nameCertificate(leaf), authorities: by.id, pem: leaf + by.certificate, until };
  return { environment, hop: { key, certificate } };
}

t.test('the key is made at the first start and stays, readable for this user only', async (t) => {
  const { load, dataDir, lines } = gateway(t);
  const { publicKey } = await load();
  const file = join(dataDir, 'hop.key');
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.equal((await load()).publicKey, publicKey);
  t.same(lines, []);
  writeFileSync(file, 'damaged');
  const { publicKey: next } = await load();
  t.not(next, publicKey);
  t.match(lines, [{ msg: 'the key of this server cannot be read and is replaced', file }]);
  t.equal((await load()).publicKey, next);
});

t.test('a certificate is taken over, served, reported, and found again after a restart', async (t) => {
  const { load, dataDir } = gateway(t);
  const identity = await load();
  const { publicKey: key } = identity;
  t.equal(identity.credentials, undefined);
  t.same(identity.request, { key });
  const changes: string[] = [];
  let reports = 0;
  identity.onChange(({ id }) => changes.push(id));
  identity.onServed(() => reports++);
  const record = certified(key);
  identity.accept(record);
  identity.accept(record);
  const { id } = record.hop.certificate;
  t.same(changes, [id]);
  t.match(identity.credentials, {
    id,
    environment: 'production',
    authorities: [authority.certificate],
    until: Math.floor(until / 1000) * 1000,
  });
  t.same(identity.request, { key }, 'not before it is served');
  identity.served('another');
  identity.served(id);
  identity.served(id);
  t.equal(reports, 1);
  t.same(identity.request, { key, serves: { certificate: id, environment: 'production' } });

  const file = join(dataDir, 'hop.pem');
  await identity.settled();
  t.equal(readFileSync(file, 'utf8'), record.hop.certificate.pem);
  t.match((await load()).credentials, { id, environment: 'production' });
  t.equal((await load('b')).credentials, undefined, 'a server with another id does not use it');

  identity.accept({ environment: 'staging', hop: { key } });
  t.match(identity.credentials, { id }, 'the last one stays until there is another');
  identity.accept(certified(key, { environment: 'staging' }));
  t.match(identity.credentials, { environment: 'staging' });
});

t.test('a certificate for another key, server or environment, or by another authority, is not taken over', async (t) => {
  const { load, lines } = gateway(t);
  const identity = await load();
  const { publicKey: key } = identity;
  const other = certified(key).hop.certificate;
  const wrong = [
    certified((await gateway(t).load()).publicKey),
    certified(key, { id: 'b' }),
    { ...certified(key), environment: 'staging' },
    {
      environment: 'production',
      hop: { key, certificate: { ...other, pem: other.pem.replace(authority.certificate, Authority.make(Date.now()).certificate) } },
    },
    { environment: 'production', hop: { key, certificate: { ...other, pem: 'damaged' } } },
  ];
  for (const record of wrong) identity.accept(record);
  t.equal(identity.credentials, undefined);
  t.equal(lines.filter(({ msg }) => msg === 'a certificate for balancers is not taken over').length, wrong.length);
});

t.test('it says since when balancers know that the server answers TLS', async (t) => {
  const { load, clock } = gateway(t);
  const identity = await load();
  const record = certified(identity.publicKey);
  const serving = { ...record, hop: { ...record.hop, serves: true as const } };
  identity.accept(record);
  t.equal(identity.recordedAt, undefined);
  await clock.pass(5000);
  identity.accept(serving);
  await clock.pass(500);
  identity.accept(serving);
  t.equal(identity.recordedAt, 5000);
  identity.accept({ environment: 'staging', hop: { key: identity.publicKey } });
  t.equal(identity.recordedAt, undefined, 'after a move they have to learn it again');
  await clock.pass(4000);
  identity.accept({ ...serving, environment: 'staging' });
  t.equal(identity.recordedAt, 0, 'they were still waiting for it, and sent no plain request');
  const restarted = await load();
  restarted.accept(serving);
  t.equal(restarted.recordedAt, 0, 'they knew it before this start');
});

t.test('only balancers on the same registry are let in', async (t) => {
  const { load } = gateway(t);
  const identity = await load();
  const { publicKey } = makeKeyPair();
  const balancer = (by: Authority) =>
    new X509Certificate(by.issue({ uri: balancerUri('one'), publicKey, purpose: 'client', from: Date.now() - 1000, until }));
  t.match(identity.refusalOf(balancer(authority)), 'not signed', 'before any authority is known');
  identity.accept(certified(identity.publicKey));
  t.match(identity.refusalOf(new X509Certificate(identity.credentials?.certificate ?? '')), 'not one of a balancer', 'not a server');
  t.match(identity.refusalOf(balancer(Authority.make(Date.now()))), 'not signed');
  t.match(identity.refusalOf(undefined), 'no certificate');
  await identity.settled();
});
