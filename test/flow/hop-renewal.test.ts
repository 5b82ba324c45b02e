import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { SelfSignedCertificates } from '../../src/acme/self-signed-certificates.ts';
import { openSecrets } from '../../src/assembly/open-secrets.ts';
import { AuthorityRotation } from '../../src/balancer/authority-rotation.ts';
import { createBalancer } from '../../src/balancer/balancer.ts';
import { HopAuthority } from '../../src/balancer/hop-authority.ts';
import { LocalDataPlane } from '../../src/balancer/local-data-plane.ts';
import { MemberCertification } from '../../src/balancer/member-certification.ts';
import type { MemberRecord } from '../../src/balancer/members.ts';
import { TicketSecret } from '../../src/balancer/ticket-secret.ts';
import { identify } from '../../src/certificates/authority.ts';
import { startGateway } from '../../src/gateway/gateway.ts';
import { HopIdentity } from '../../src/gateway/hop-identity.ts';
import { systemClock as clock } from '../../src/model/clock.ts';
import type { EnvironmentSpecInput } from '../../src/model/environment.ts';
import { project } from '../../src/model/project.ts';
import { openListener } from '../../src/proxy/http-listener.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { CertificateStore } from '../../src/tls/certificate-store.ts';
import { echoProject, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { silentLogger as logger } from '../tools/fake-logger.ts';
import { Load } from '../tools/load.ts';
import { ownFolder } from '../tools/own-folder.ts';
import type { Owner } from '../tools/owner.ts';
import { startRedis } from '../tools/redis.ts';

const tools = { logger, clock, random: Math.random };
/** Lengths of certificates in milliseconds. */
const lifetimes = { server: 2000, balancer: 2400 };

async function startServer(owner: Owner, id: string, url: string) {
  const registry = await openRegistry({ url, logger });
  const dataDir = ownFolder(owner);
  const hop = await HopIdentity.load({ id, dataDir, clock, logger });
  const gateway = await startGateway({
    ...{ id, environment: 'production', listen: '127.0.0.1:0', dataDir, ttl: 1000, grace: 0, version: '0', hop, registry },
    ...{ ...tools, open: (...given) => openListener(...given) },
  });
  owner.teardown(async () => {
    await gateway.drain();
    await registry.close();
  });
  return hop;
}

/** A balancer with two servers that joined through Redis, and requests that pass. */
async function startAll(t: Test, lengths?: typeof lifetimes) {
  const redis = await startRedis(t);
  const target = await startTarget(t);
  const registry = await openRegistry({ url: redis.url, logger });
  const hop = new HopAuthority({ clock, logger, ...(lengths && { lifetimes: lengths }) });
  const certification = new MemberCertification({ ...tools, authority: hop });
  let members: ReadonlyMap<string, MemberRecord> = new Map();
  const balancer = createBalancer({
    ...tools,
    ...{ hop, registry, certificates: new CertificateStore('/', clock, logger), tickets: new TicketSecret({ clock, logger }) },
    issued: new SelfSignedCertificates(clock, logger),
    onMembers: (present) => {
      members = present;
      certification.follow(present.values());
    },
    startDataPlane: (feedback) =>
      new LocalDataPlane({ ...tools, ...feedback, open: (address, settings, handler) => openListener(address, settings, handler) }),
  });
  t.teardown(async () => {
    await balancer.drain(0);
    certification.stop();
    hop.stop();
    await registry.close();
  });
  // Connections are replaced often, so that many meet each new certificate.
  const settings: EnvironmentSpecInput = { listen: '127.0.0.1:0', serverTls: 'on', timeouts: { upstreamAge: '100ms' } };
  await registry.putEnvironment('production', settings);
  const { name } = await registry.pushProject(project.parse(echoProject(target.url, '1')));
  await registry.deploy('production', name);
  const secrets = await openSecrets({ registry, dataDir: join(ownFolder(t), 'data'), env: {}, logger });
  if (secrets === undefined || registry.certification === undefined) throw new Error('this registry certifies nothing');
  await hop.start(secrets);
  certification.start(registry.certification);
  await balancer.start();
  const servers = await Promise.all(['a', 'b'].map((id) => startServer(t, id, redis.url)));
  await eventually(
    () => [...balancer.view.servers()],
    (seen) => seen.length === 2 && seen.every(({ health }) => health === 'up'),
  );
  const load = new Load(balancer.view.listening('production') ?? '', '/echo/', { restMs: 5 });
  const connects = () => [...balancer.view.servers()].reduce((sum, one) => sum + one.connects, 0);
  return { redis, hop, secrets, servers, load, connects, members: () => members.values() };
}

test('certificates are renewed under load, and the registry is away for longer than they last: no request fails', async (t) => {
  const { redis, hop, servers, load, connects } = await startAll(t, lifetimes);
  const seen = new Set<string>();
  await load.until(() => {
    for (const { credentials } of [hop, ...servers]) seen.add(credentials?.certificate ?? '');
    return seen.size >= 6;
  });
  t.pass('each certificate was renewed');
  await redis.stop();
  const ends = Math.max(...servers.map(({ credentials }) => credentials?.until ?? 0), hop.credentials?.until ?? 0);
  await load.until(() => Date.now() > ends + 1000);
  t.ok((hop.credentials?.until ?? 0) > Date.now(), 'the balancer renews its own');
  t.ok(
    servers.every(({ credentials }) => (credentials?.until ?? 0) < Date.now()),
    'those of the servers have expired',
  );
  const before = connects();
  await load.more(200);
  t.ok(connects() > before, 'new connections are made');
  await redis.start();
  await eventually(
    () => servers.map(({ credentials }) => credentials?.until ?? 0),
    (until) => until.every((end) => end > Date.now()),
    { what: 'new certificates once the registry is back' },
  );
  await load.more(200);
  const counts = await load.stop();
  t.strictSame(counts.wrong, []);
  t.comment(`${counts.right} requests, ${connects()} connections`);
});

test('the authority is replaced under load: no request fails, and nothing of the former one is left', async (t) => {
  const { hop, secrets, servers, load, connects, members } = await startAll(t);
  const rotation = new AuthorityRotation({ ...tools, authority: hop, members, isUp: () => false, settleMs: 300 });
  rotation.start(secrets);
  t.teardown(() => rotation.stop());
  const [former] = (await rotation.status()).authorities;
  await load.more(50);
  const before = connects();
  const begun = await rotation.rotate();
  t.match(begun, { rotating: true });
  t.strictSame(begun.authorities.map(({ stage }) => stage).sort(), ['next', 'present']);
  await t.rejects(rotation.rotate(), { code: 'conflict', message: /is being replaced already/ });
  const stages = new Set<string>();
  const ended = await eventually(
    async () => {
      const status = await rotation.status();
      const seen = status.authorities.map(({ stage }) => stage);
      stages.add(seen.sort().join());
      return status;
    },
    ({ rotating }) => !rotating,
  );
  // A status may be read between the two changes of this step: balancers use the next authority then.
  stages.delete('next,past');
  t.strictSame([...stages], ['next,present', 'past,present', 'present']);
  const [present, ...others] = ended.authorities;
  t.strictSame(others, []);
  t.not(present?.id, former?.id);
  await eventually(
    () => [hop, ...servers].map(({ credentials }) => credentials?.authorities.length),
    (counts) => counts.every((count) => count === 1),
    { what: 'everyone to forget the former authority' },
  );
  await load.more(200);
  t.ok(connects() > before + 3, 'new connections are made');
  for (const { credentials } of [hop, ...servers]) {
    const [authority = ''] = credentials?.authorities ?? [];
    t.equal(identify(new X509Certificate(authority).publicKey), present?.id);
    t.ok(new X509Certificate(credentials?.certificate ?? '').verify(new X509Certificate(authority).publicKey));
  }
  const counts = await load.stop();
  t.strictSame(counts.wrong, []);
  t.comment(`${counts.right} requests, ${connects()} connections`);
});
