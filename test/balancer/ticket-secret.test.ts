import { once } from 'node:events';
import { connect } from 'node:tls';
import t, { type Test } from 'tap';
import { SelfSignedCertificates } from '../../src/acme/self-signed-certificates.ts';
import { createBalancer } from '../../src/balancer/balancer.ts';
import { LocalDataPlane } from '../../src/balancer/local-data-plane.ts';
import { TicketSecret } from '../../src/balancer/ticket-secret.ts';
import { systemClock } from '../../src/model/clock.ts';
import { openListener } from '../../src/proxy/http-listener.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { SecretKeys } from '../../src/registry/secrets/secret-keys.ts';
import { Secrets } from '../../src/registry/secrets/secrets.ts';
import { CertificateStore } from '../../src/tls/certificate-store.ts';
import { CertificateFolder } from '../tools/certificate-folder.ts';
import { eventually } from '../tools/eventually.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { silentLogger as logger } from '../tools/fake-logger.ts';
import { startRedis } from '../tools/redis.ts';

const tools = { logger, clock: systemClock, random: Math.random };
const hour = 3_600_000;

/** A balancer on the registry in Redis, with one environment. */
async function balancer(t: Test, url: string, key = 'a'.repeat(32)) {
  const registry = await openRegistry({ url, logger });
  const { secrets: sealed, watch } = registry;
  if (sealed === undefined) throw new Error('Redis keeps secrets');
  const clock = new FakeClock();
  const tickets = new TicketSecret({ clock, logger });
  const started = createBalancer({
    ...tools,
    registry,
    tickets,
    issued: new SelfSignedCertificates(systemClock, logger),
    certificates: new CertificateStore('/', systemClock, logger),
    startDataPlane: (feedback) =>
      new LocalDataPlane({ ...tools, ...feedback, open: (address, settings, handler) => openListener(address, settings, handler) }),
  });
  await tickets.start(new Secrets({ secrets: sealed, watch, keys: new SecretKeys([key], 'test'), logger }));
  await started.start();
  t.teardown(async () => {
    await started.drain(0);
    await registry.close();
  });
  const port = Number(started.view.listening('production')?.split(':')[1]);
  return { port, tickets, clock, registry };
}

/** Connects; resolves with the session, and whether it resumed the given one. */
async function session(port: number, given?: Buffer): Promise<{ made: Buffer; reused: boolean }> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'a.example', rejectUnauthorized: false, ...(given && { session: given }) });
  const told = once(socket, 'session') as Promise<[Buffer]>;
  await once(socket, 'secureConnect');
  const reused = socket.isSessionReused();
  socket.write('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n');
  await once(socket, 'data');
  const made = given ?? (await told)[0];
  socket.destroy();
  return { made, reused };
}

t.test('sessions resume at every balancer on the registry, until the secret of tickets is replaced', async (t) => {
  const { url } = await startRedis(t);
  const files = new CertificateFolder(t).issue({ names: ['a.example'] });
  const operator = await openRegistry({ url, logger });
  t.teardown(() => operator.close());
  await operator.putEnvironment('production', { listen: '127.0.0.1:0', tls: { certificates: [files] } });
  const [one, two, stranger] = [await balancer(t, url), await balancer(t, url), await balancer(t, url, 'b'.repeat(32))];
  t.same(one.tickets.octets, two.tickets.octets);
  const { made, reused } = await session(one.port);
  t.notOk(reused);
  t.ok((await session(two.port, made)).reused, 'at the other balancer');
  t.notOk((await session(stranger.port, made)).reused, 'but not at one that has another key');

  const before = one.tickets.octets;
  await two.clock.pass(11 * hour);
  await two.tickets.loaded();
  t.same(two.tickets.octets, before);
  await two.clock.pass(hour);
  await eventually(
    () => [one.tickets.octets, two.tickets.octets],
    ([first, second]) => first?.equals(before) === false && second?.equals(first) === true,
    { what: 'both balancers to have the next secret' },
  );
  for (const { port } of [one, two]) t.notOk((await session(port, made)).reused, 'a whole handshake, once');
  const next = await session(two.port);
  t.ok((await session(one.port, next.made)).reused);
});

t.test('a balancer without secrets of a registry replaces its own', async (t) => {
  const clock = new FakeClock();
  const tickets = new TicketSecret({ clock, logger });
  t.teardown(() => tickets.stop());
  let changes = 0;
  tickets.onChange(() => changes++);
  const before = tickets.octets;
  t.equal(before.length, 32);
  await clock.pass(25 * hour);
  t.equal(changes, 2);
  t.notOk(tickets.octets.equals(before));
});
