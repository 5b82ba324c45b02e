import { X509Certificate } from 'node:crypto';
import { type Test, test } from 'tap';
import { AcmeCertificates } from '../../src/acme/acme-certificates.ts';
import { afterIssue } from '../../src/acme/name-state.ts';
import { temporaryCertificate } from '../../src/acme/temporary-certificates.ts';
import { acmeSpec } from '../../src/model/acme.ts';
import { SluiceError } from '../../src/model/fault.ts';
import { eventually } from '../tools/eventually.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { freePort } from '../tools/free-port.ts';
import { MemorySecrets } from '../tools/memory-secrets.ts';

/** An authority at a port where nothing listens. */
const spec = acmeSpec.parse({ directory: `https://127.0.0.1:${await freePort()}/dir` });
const both = new Map([
  ['a.example', spec],
  ['b.example', spec],
]);

function start(t: Test, store = new MemorySecrets(), clock = new FakeClock()) {
  const { logger, lines } = keptLogger();
  const certificates = new AcmeCertificates({ store, clock, random: () => 0.5, logger });
  t.teardown(() => certificates.close());
  return { certificates, store, clock, messages: () => lines.map(({ msg }) => msg) };
}

/** Keeps a certificate for a name, as if an authority had issued it. */
async function keep(store: MemorySecrets, name: string, now: number, lifetime = 90 * 86_400_000): Promise<string> {
  const { chain, key } = temporaryCertificate(name, now);
  const state = afterIssue({ directory: spec.directory, chain, key, from: now, until: now + lifetime }, now, () => 0.5);
  await store.put(`acme:name:${name}`, JSON.stringify({ issued: { ...state.issued, askAt: now + lifetime } }), 0);
  return new X509Certificate(chain).fingerprint256.replaceAll(':', '').toLowerCase();
}

const failures = ({ states }: AcmeCertificates) => states.map(({ failure }) => failure);

test('an authority that is away is asked once for all names, by one balancer', async (t) => {
  const { certificates, store, clock, messages } = start(t);
  const other = start(t, store, clock);
  certificates.want(both);
  const failed = await eventually(
    () => failures(certificates),
    (all) => all.every((each) => each !== undefined),
  );
  t.match(failed, [{ attempts: 1, reason: /cannot be reached \(ECONNREFUSED\)/ }, { attempts: 1 }]);
  t.equal(messages().filter((message) => message.startsWith('no new certificate')).length, 1, 'one line of the log');
  other.certificates.want(both);
  await eventually(
    () => failures(other.certificates),
    (all) => all.every((each) => each !== undefined),
  );
  await clock.pass(30_000);
  t.match(failures(other.certificates), [{ attempts: 1 }, { attempts: 1 }], 'it waits as long as the first one');
  t.strictSame(other.messages(), []);
  t.match(new X509Certificate(certificates.find('a.example').chain).checkHost('a.example'), 'a.example', 'a self-signed one answers');
  t.equal(certificates.find('a.example'), certificates.find('a.example'));
});

test('what is kept is served, also while the registry is away', async (t) => {
  const [store, clock] = [new MemorySecrets(), new FakeClock()];
  const kept = await keep(store, 'a.example', clock.date());
  const { certificates, messages } = start(t, store, clock);
  store.outage = new SluiceError('unavailable', 'the registry is away');
  await certificates.load();
  t.match(messages(), [/cannot be read: the registry is away\. Those that were read before stay in use/]);
  store.outage = undefined;
  let changes = 0;
  certificates.changed = () => changes++;
  await clock.pass(6_000);
  t.equal(certificates.find('a.example').fingerprint, kept);
  t.equal(changes, 1);
  store.outage = new SluiceError('unavailable', 'the registry is away');
  await clock.pass(600_000);
  t.equal(certificates.find('a.example').fingerprint, kept);
  store.outage = undefined;
  await clock.pass(6_000);
  certificates.want(new Map([['a.example', spec]]));
  await clock.pass(600_000);
  t.match(certificates.states, [{ name: 'a.example', certificate: { fingerprint: kept }, failure: undefined }]);
  t.equal(messages().filter((message) => message.includes('no new certificate')).length, 0, 'nothing is due');
});

test('a document that another key sealed is left as it is, and the operator is told', async (t) => {
  const { certificates, store, clock, messages } = start(t);
  store.spoil('acme:name:a.example', 'invalid');
  const before = store.documents.get('acme:name:a.example');
  certificates.want(both);
  const told = await eventually(
    () => failures(certificates),
    (all) => all.every((each) => each !== undefined),
  );
  t.match(told, [{ reason: 'it is sealed with another key' }, { reason: /cannot be reached/ }], 'the other name is ordered');
  await clock.pass(1_000_000);
  t.equal(messages().filter((message) => message.includes('no certificate is ordered: it is sealed with another key')).length, 1);
  t.equal(store.documents.get('acme:name:a.example'), before);
});

for (const code of ['internal', 'invalid'] as const) {
  test(`shared documents that cannot be opened (${code}) hold up nothing, and are replaced`, async (t) => {
    const { certificates, store, clock } = start(t);
    const shared = ['acme:challenges', 'acme:issuer'];
    for (const name of shared) store.spoil(name, code);
    if (code === 'internal') store.spoil('acme:name:a.example', code);
    await certificates.load();
    certificates.want(both);
    await eventually(
      () => store.documents.get('acme:issuer'),
      (kept) => kept?.fault !== undefined,
    );
    t.strictSame(failures(certificates), [undefined, undefined], 'another balancer may have the lease');
    await clock.pass(31_000);
    const failed = await eventually(
      () => failures(certificates),
      (all) => all.every((each) => each !== undefined),
    );
    t.match(failed, [
      { attempts: 1, reason: /cannot be reached/ },
      { attempts: 1, reason: /cannot be reached/ },
    ]);
    for (const name of [...shared, 'acme:name:a.example']) t.equal(store.documents.get(name)?.fault, undefined, name);
  });
}

test('an unexpected error with one name holds up no other name', async (t) => {
  class Faulty extends MemorySecrets {
    override async get(name: string) {
      if (name === 'acme:name:a.example') throw new RangeError('Invalid time value');
      return super.get(name);
    }
  }
  const { certificates, clock, messages } = start(t, new Faulty());
  certificates.want(both);
  const failed = await eventually(
    () => failures(certificates),
    (all) => all.every((each) => each !== undefined),
  );
  t.match(failed, [{ reason: 'Invalid time value' }, { attempts: 1, reason: /cannot be reached/ }]);
  await clock.pass(1_000_000);
  t.equal(messages().filter((message) => message === 'no certificate is ordered: Invalid time value').length, 1);
});

test('names that are wanted no more are forgotten once their certificates have expired', async (t) => {
  const { certificates, store, clock } = start(t);
  await keep(store, 'gone.example', clock.date(), 1000);
  await keep(store, 'former.example', clock.date());
  await clock.pass(2000);
  await certificates.load();
  certificates.want(new Map([['a.example', spec]]));
  const names = () => [...store.documents.keys()].filter((name) => name.startsWith('acme:name:')).sort();
  await eventually(names, (all) => !all.includes('acme:name:gone.example'));
  t.strictSame(names(), ['acme:name:a.example', 'acme:name:former.example']);
  t.strictSame(
    certificates.states.map(({ name }) => name),
    ['a.example'],
  );
});
