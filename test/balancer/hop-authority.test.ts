import { X509Certificate } from 'node:crypto';
import t, { type Test } from 'tap';
import { HopAuthority } from '../../src/balancer/hop-authority.ts';
import { MemberCertification } from '../../src/balancer/member-certification.ts';
import { Authority } from '../../src/certificates/authority.ts';
import { refuseBalancer, writeKey } from '../../src/certificates/hop-certificates.ts';
import { makeKeyPair } from '../../src/certificates/key-pair.ts';
import { splitPem } from '../../src/model/certificate.ts';
import { SluiceError } from '../../src/model/fault.ts';
import type { Certification } from '../../src/registry/contract.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { SecretKeys } from '../../src/registry/secrets/secret-keys.ts';
import { Secrets } from '../../src/registry/secrets/secrets.ts';
import { request } from '../contract/registry-samples.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { ownFolder } from '../tools/own-folder.ts';

const hour = 3_600_000;
const ourKey = 'our-key'.padEnd(40, '1');
const otherKey = 'another'.padEnd(40, '2');
const key = writeKey(makeKeyPair().publicKey);

/** A clock whose date can jump ahead of its timers. */
class Calendar extends FakeClock {
  ahead = 0;

  override date(): number {
    return super.date() + this.ahead;
  }
}

async function opened(t: Test) {
  const { logger, lines } = keptLogger();
  const clock = new Calendar();
  const registry = await openRegistry({ url: `embedded:${ownFolder(t)}`, logger, clock });
  t.teardown(() => registry.close());
  const { secrets: sealed, certification, watch } = registry;
  if (sealed === undefined || certification === undefined) throw new Error('an embedded registry has both');
  let away = false;
  const get: typeof sealed.get = async (name) => {
    if (away) throw new SluiceError('unavailable', 'away');
    return sealed.get(name);
  };
  let refuses = false;
  const put: typeof sealed.put = async (...given) => {
    if (refuses) throw new SluiceError('unavailable', 'writes are refused');
    return sealed.put(...given);
  };
  const refuseWrites = () => {
    refuses = true;
  };
  const shared: typeof sealed = {
    get,
    list: (prefix) => sealed.list(prefix),
    put,
    remove: sealed.remove.bind(sealed),
  };
  const secrets = (sealing = ourKey) => new Secrets({ secrets: shared, watch, keys: new SecretKeys([sealing], 'test'), logger });
  const leave = () => {
    away = true;
  };
  /** A balancer's authority. */
  const started = async (sealing = ourKey) => {
    const authority = new HopAuthority({ clock, logger });
    await authority.start(secrets(sealing));
    t.teardown(() => authority.stop());
    return authority;
  };
  return { registry, sealed, certification, secrets, started, clock, lines, logger, leave, refuseWrites };
}

/** A certificate that the balancer's authority issued to a server. */
function certificateOf(authority: HopAuthority, id: string, environment: string) {
  const pem = authority.certify({ ...server(id), environment, hop: { key } })?.pem;
  return new X509Certificate(splitPem(pem ?? '')[0] ?? '');
}

t.test('balancers with the same key share an authority, and check servers that any of them certified', async (t) => {
  const { started, sealed, lines, secrets } = await opened(t);
  const [one, two] = await Promise.all([started(), started()]);
  t.same(one.credentials?.authorities, two.credentials?.authorities);
  t.equal(one.credentials?.authorities.length, 1);
  const member = { id: 'a', environment: 'production', hop: { key } };
  const certificate = certificateOf(one, 'a', 'production');
  t.equal(two.verify(certificate, member), undefined);
  t.match(two.verify(undefined, member), 'no certificate');
  t.match(two.verify(certificate, { ...member, hop: undefined }), 'no key of this server', 'a server that was forgotten');
  t.match(two.verify(certificate, { ...member, hop: { key: writeKey(makeKeyPair().publicKey) } }), 'another key');
  t.match(two.verify(certificate, { ...member, id: 'b' }), 'not for sluice://server/production/b');
  t.match(two.verify(certificate, { ...member, environment: 'staging' }), 'not for');
  t.match(two.verify(new X509Certificate(one.credentials?.certificate ?? ''), member), 'another key', "a balancer's");

  const stranger = Authority.make(Date.now());
  const forged = stranger.issue({
    uri: 'sluice://server/production/a',
    publicKey: certificate.publicKey,
    purpose: 'server',
    from: Date.now() - 1000,
    until: Date.now() + hour,
  });
  t.match(two.verify(new X509Certificate(forged), member), 'not signed by the authority of this registry');

  const [stored] = await sealed.list('hop:');
  const shown = JSON.stringify([lines, stored]);
  t.notMatch(shown, 'PRIVATE KEY');
  t.match((await secrets().get(stored?.name ?? ''))?.text, 'PRIVATE KEY');
});

t.test("a balancer's own certificate is for balancers only, and is renewed", async (t) => {
  const { started, clock } = await opened(t);
  const authority = await started();
  const authorities = (authority.credentials?.authorities ?? []).map((pem) => new X509Certificate(pem));
  const own = () => new X509Certificate(authority.credentials?.certificate ?? '');
  const first = own();
  t.equal(refuseBalancer(first, authorities, clock.date()), undefined);
  t.match(refuseBalancer(first, authorities, clock.date() + 8 * 24 * hour), 'clocks');
  t.match(refuseBalancer(first, [Authority.make(Date.now()).x509], clock.date()), 'not signed');
  t.match(refuseBalancer(undefined, authorities, clock.date()), 'no certificate');
  t.match(refuseBalancer(certificateOf(authority, 'a', 'production'), authorities, clock.date()), 'not one of a balancer');
  let changes = 0;
  authority.onChange(() => changes++);
  clock.ahead += 2 * 24 * hour;
  await clock.pass(hour);
  t.equal(changes, 0);
  clock.ahead += 12 * hour;
  await clock.pass(hour);
  t.equal(changes, 1);
  t.equal(refuseBalancer(own(), authorities, clock.date() + 6 * 24 * hour), undefined);
});

t.test('dates do not end the traffic of a server that cannot renew, and the registry is not needed', async (t) => {
  const { started, leave, clock } = await opened(t);
  const authority = await started();
  const certificate = certificateOf(authority, 'a', 'production');
  leave();
  clock.ahead = 40 * 24 * hour;
  await clock.pass(hour);
  t.ok(Date.parse(certificate.validTo) < clock.date());
  t.equal(authority.verify(certificate, { id: 'a', environment: 'production', hop: { key } }), undefined);
  t.ok((authority.credentials?.until ?? 0) > clock.date(), "the balancer's own certificate is renewed all the same");
});

t.test('balancers with different keys have an authority each, accept the other one, and say what is wrong', async (t) => {
  const { started, lines } = await opened(t);
  const ours = await started();
  const member = { id: 'a', environment: 'production', hop: { key } };
  const early = certificateOf(ours, 'a', 'production');
  const other = await started(otherKey);
  await ours.loaded();
  t.same(ours.credentials?.authorities, other.credentials?.authorities);
  t.equal(ours.credentials?.authorities.length, 2);
  const late = certificateOf(other, 'a', 'production');
  for (const balancer of [ours, other]) for (const certificate of [early, late]) t.equal(balancer.verify(certificate, member), undefined);
  const authorities = ours.credentials?.authorities.map((pem) => new X509Certificate(pem)) ?? [];
  for (const { credentials } of [ours, other])
    t.equal(refuseBalancer(new X509Certificate(credentials?.certificate ?? ''), authorities, Date.parse('2023-11-15')), undefined);
  const certified = other.certify({ ...server('a'), hop: { key } });
  t.notOk(ours.isDue({ hop: { key, ...(certified && { certificate: certified }) } }), 'a server needs one certificate for both');
  t.match(
    lines.filter(({ msg }) => msg === 'a secret of the registry cannot be opened').map(({ reason }) => reason),
    [/sealed with key [0-9a-f]{8}, but test has [0-9a-f]{8}: balancers on one registry need the same key/, /sealed with key/],
    'each says it once',
  );
});

t.test('a balancer that has lost its key accepts servers that were certified before, for as long as they need', async (t) => {
  const { started, clock, sealed } = await opened(t);
  const before = await started();
  const member = { id: 'a', environment: 'production', hop: { key } };
  const old = before.certify({ ...server('a'), hop: { key } });
  const certificate = new X509Certificate(splitPem(old?.pem ?? '')[0] ?? '');
  before.stop();
  const restarted = await started(otherKey);
  t.equal(restarted.verify(certificate, member), undefined);
  t.ok(restarted.isDue({ hop: { key, ...(old && { certificate: old }) } }), 'they get a certificate by the new authority');
  clock.ahead += 7 * hour;
  await clock.pass(60_000);
  await restarted.loaded();
  t.equal((await sealed.list('hop:')).length, 1, 'an authority that no balancer has used for hours is removed');
  t.equal(restarted.credentials?.authorities.length, 1);
  t.match(restarted.verify(certificate, member), 'not signed');
});

t.test('an authority that the registry has lost, or that is damaged there, is written back', async (t) => {
  const { started, secrets, clock } = await opened(t);
  const authority = await started();
  const [before] = await secrets().list('hop:');
  const { name = '', revision = 0, text } = before ?? {};
  await secrets().remove(name, revision);
  await clock.pass(0);
  await authority.loaded();
  const stored = await secrets().get(name);
  t.equal(stored?.text, text);
  for (const damaged of ['{}', 'x']) {
    await secrets().put(name, damaged, (await secrets().get(name))?.revision ?? 0, stored?.clear);
    await authority.loaded();
    t.equal((await secrets().get(name))?.text, text);
  }
  t.equal(authority.credentials?.authorities.length, 1);
});

t.test('a balancer that starts while the registry refuses writes uses the authority that it reads', async (t) => {
  const { started, clock, refuseWrites } = await opened(t);
  const { credentials } = await started();
  clock.ahead = 3_600_000;
  refuseWrites();
  t.strictSame((await started()).credentials?.authorities, credentials?.authorities);
});

t.test('servers that joined elsewhere are certified, and again when a third of the lifetime has passed', async (t) => {
  const { started, registry, certification, clock, logger } = await opened(t);
  const authority = await started();
  const certified: string[] = [];
  const calls: Promise<void>[] = [];
  const counting: Certification = {
    use: (certifier) => certification.use(certifier),
    certify: (id) => {
      certified.push(id);
      const call = certification.certify(id);
      calls.push(call);
      return call;
    },
  };
  await registry.join(request('a', { hop: { key } }));
  await registry.join(request('b'));
  const members = new MemberCertification({ authority, clock, random: () => 0.5, logger });
  t.teardown(() => members.stop());
  members.start(counting);
  const follow = async () => {
    members.follow((await registry.servers()).map((record) => ({ record })));
    await clock.pass(30);
    await Promise.all(calls);
    return registry.server('a');
  };
  const first = (await follow())?.hop?.certificate;
  t.equal(first?.until, clock.date() - 30 + 24 * hour + 15);
  clock.ahead += 7.9 * hour;
  t.same((await follow())?.hop?.certificate, first);
  clock.ahead += 0.2 * hour;
  t.not((await follow())?.hop?.certificate?.id, first?.id);
  t.same(certified, ['a', 'a']);
});

function server(id: string) {
  return { ...request(id), weight: 1, draining: false, leaving: false, projects: [], environment: 'production' };
}
