import { EventEmitter } from 'node:events';
import t, { type Test } from 'tap';
import { type ProbeResult, probe } from '../../src/health/probe.ts';
import { systemClock } from '../../src/model/clock.ts';
import { processDescriptors } from '../../src/model/descriptors.ts';
import { settledMs } from '../../src/model/longest-idle.ts';
import { eventually } from '../tools/eventually.ts';
import { passTime, passTimeUntil } from '../tools/pass-time.ts';
import { field, type Peer, statusOf } from './peer.ts';
import { type World, type WorldOptions, world } from './world.ts';

const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** A world whose listener has room for so many connections. Its server answers at once, unless the path is `/hold`. */
async function room(t: Test, connections: number, options: WorldOptions = {}): Promise<World> {
  const w = await world(t, { ...options, spec: { limits: { connections } } });
  w.server.server.on('connection', (socket) => {
    socket.on('data', (octets) => {
      if (!String(octets).startsWith('GET /hold')) socket.write(ok);
    });
  });
  return w;
}

/** A client that has got its answer, and keeps its connection. */
async function used(w: World): Promise<Peer> {
  const client = await w.client();
  client.send(get);
  await client.message();
  return client;
}

async function held(w: World, active: number): Promise<Peer> {
  const client = await w.client();
  client.send(get.replace('/', '/hold'));
  await w.inFlight(active);
  return client;
}

/** Sends a request of a new client; resolves with the status of its answer. */
async function ask(w: World): Promise<number> {
  const client = await w.client();
  client.send(get);
  return statusOf(await client.message());
}

/** Resolves when exactly these clients are cut off; fails if any was reset. */
async function cutOff(t: Test, all: Readonly<Record<string, Peer>>, ...names: string[]): Promise<void> {
  await eventually(
    () => Object.keys(all).filter((name) => all[name]?.ended || all[name]?.over),
    (ended) => ended.join() === names.join(),
  );
  t.strictSame(
    Object.keys(all).filter((name) => all[name]?.over === 'reset'),
    [],
  );
}

t.test('the connection that is idle the longest goes first', async (t) => {
  const w = await room(t, 3);
  const [a, b, c] = [await used(w), await used(w), await used(w)];
  // a is idle since a later time now.
  a.send(get);
  await a.message();
  t.equal(await ask(w), 200);
  await cutOff(t, { a, b, c }, 'b');
  t.equal(await ask(w), 200);
  await cutOff(t, { a, b, c }, 'b', 'c');
  t.match(w.listener.counts, { accepted: 5, closedForRoom: 2, refused: 0 });
  t.equal(w.listener.connections, 3);
  a.send(get);
  t.equal(statusOf(await a.message()), 200);
});

t.test('one that never sent a request gives way to those that did', async (t) => {
  const w = await room(t, 2);
  const a = await used(w);
  const silent = await w.client();
  t.equal(await ask(w), 200);
  await cutOff(t, { a, silent }, 'silent');
});

t.test('one with a request in flight, or a part of one, never goes', async (t) => {
  const w = await room(t, 3);
  const busy = await held(w, 1);
  const begun = await used(w);
  await begun.sent('GET / HT');
  const idle = await used(w);
  const newcomer = ask(w);
  await cutOff(t, { busy, begun, idle }, 'idle');
  t.equal(await newcomer, 200);
  begun.send('TP/1.1\r\nHost: x\r\n\r\n');
  t.equal(statusOf(await begun.message()), 200);
});

t.test('while none is idle newcomers wait in order, and are served when there is room', async (t) => {
  const w = await room(t, 1);
  const busy = await held(w, 1);
  const order: string[] = [];
  const first = ask(w).then((status) => order.push(`first ${status}`));
  await eventually(
    () => w.listener.counts.accepted,
    (accepted) => accepted === 2,
  );
  const second = ask(w).then((status) => order.push(`second ${status}`));
  busy.end();
  busy.socket.destroy();
  await Promise.all([first, second]);
  t.strictSame(order, ['first 200', 'second 200']);
  t.match(w.listener.counts, { refused: 0 });
});

t.test('newcomers get 503 if none becomes idle, and balancers hear that nobody is to blame', async (t) => {
  const refused = async (tellsFaults: boolean) => {
    const w = await room(t, 1, { listener: { tellsFaults } });
    await held(w, 1);
    const client = await w.client();
    client.send(get);
    const seen = await passTimeUntil(client.message(), 1000);
    t.strictSame([statusOf(seen), field(seen, 'retry-after'), field(seen, 'connection')], [503, '1', 'close']);
    t.match(JSON.parse(seen.body), { code: 'too-many-connections' });
    t.equal(field(seen, 'sluice-fault'), tellsFaults ? 'shortage' : undefined);
    t.match(w.listener.counts, { refused: 1, own: { 'too-many-connections': 1 } });
    if (!tellsFaults) return;
    const checked = new Promise<ProbeResult>((resolve) => {
      probe({ address: w.listener.address, path: '/.sluice/ready', timeout: 60_000, expect: '200' }, systemClock, resolve);
    });
    const result = await passTimeUntil(checked, 1000);
    t.match(result, { passed: false, failure: 'shortage' });
  };
  await refused(false);
  await refused(true);
});

t.test('more newcomers than may wait get 503 at once, without taking descriptors', async (t) => {
  const { waiting } = processDescriptors;
  t.teardown(() => {
    processDescriptors.waiting = waiting;
  });
  processDescriptors.waiting = 2;
  const w = await room(t, 1);
  await held(w, 1);
  const statuses = Array.from({ length: 40 }, () => ask(w).catch(() => 0));
  // The last two wait.
  t.strictSame(new Set(await Promise.all(statuses.slice(0, 38))), new Set([503]));
  t.ok(w.listener.connections < 20, `${w.listener.connections} connections`);
  t.match(w.listener.counts, { refused: 38 });
  await passTimeUntil(Promise.all(statuses), 1000);
});

t.test('connections to servers and clients share what the process has room for', async (t) => {
  const { most } = processDescriptors;
  t.teardown(() => {
    processDescriptors.most = most;
  });
  const w = await room(t, 100);
  const [a, b] = [await used(w), await used(w)];
  // Two clients and one idle connection to the server.
  processDescriptors.most = processDescriptors.open;
  t.equal(w.upstream.pool.idle, 1);
  t.equal(await ask(w), 200);
  await cutOff(t, { a, b }, 'a');
  t.ok(processDescriptors.open <= processDescriptors.most, `${processDescriptors.open} of ${processDescriptors.most}`);
  const others = processDescriptors.open - w.listener.connections;
  t.equal(w.listener.limit, processDescriptors.most - others);
});

t.test('a request that has come, but is not read yet, keeps its connection', async (t) => {
  const { most } = processDescriptors;
  t.teardown(() => {
    processDescriptors.most = most;
  });
  const w = await room(t, 100);
  const client = await used(w);
  await passTime(settledMs + 1);
  processDescriptors.most = processDescriptors.open;
  // In one turn of the event loop: the octets are in the kernel when other connections need a descriptor, of which the idle one to the
  // server gives up one.
  client.send(get);
  const others = [new EventEmitter(), new EventEmitter()];
  for (const other of others) processDescriptors.hold(other);
  t.equal(statusOf(await client.message()), 200);
  for (const other of others) other.emit('close');
});

t.test('closing the listener serves those that wait', async (t) => {
  const w = await room(t, 1);
  const busy = await held(w, 1);
  const waits = ask(w);
  await eventually(
    () => w.listener.counts.accepted,
    (accepted) => accepted === 2,
  );
  const closed = w.listener.close(5000);
  t.equal(await waits, 200);
  busy.socket.destroy();
  await closed;
});
