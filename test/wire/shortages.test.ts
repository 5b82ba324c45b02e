import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import t from 'tap';
import { type ProbeResult, probe } from '../../src/health/probe.ts';
import { systemClock } from '../../src/model/clock.ts';
import { eventually } from '../tools/eventually.ts';
import { passTimeUntil } from '../tools/pass-time.ts';
import { field, statusOf } from './peer.ts';
import { world } from './world.ts';

const post = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello';
const upgrade = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** A process that sets this process's limit of descriptors: started before, since a process without descriptors can start none. */
const shell = spawn('sh', ['-c', `while read -r limit; do prlimit --pid ${process.pid} --nofile="$limit:"; echo done; done`]);
t.teardown(() => shell.kill());
const lines = createInterface({ input: shell.stdout })[Symbol.asyncIterator]();

async function limit(descriptors: number): Promise<void> {
  shell.stdin.write(`${descriptors}\n`);
  await lines.next();
}

/** Runs `work` while this process can open no descriptor, whatever it closes meanwhile. Open ones stay usable. */
async function withoutDescriptors<Result>(work: () => Promise<Result>): Promise<Result> {
  await limit(0);
  try {
    return await work();
  } finally {
    await limit(20_000);
  }
}

const skip = process.platform !== 'linux' && 'needs prlimit';

t.test('without descriptors no server is judged: 503, counted apart', { skip }, async (t) => {
  for (const [kind, request] of Object.entries({ POST: post, upgrade })) {
    const w = await world(t);
    const client = await w.client();
    const seen = await withoutDescriptors(async () => {
      client.send(request);
      return passTimeUntil(client.message(), 1000);
    });
    t.strictSame([statusOf(seen), field(seen, 'retry-after')], [503, '1'], kind);
    t.match(JSON.parse(seen.body), { code: 'shortage' });
    t.match(w.outcomes, [{ kind: 'shortage', reason: /EMFILE/ }]);
    t.match(w.upstream.counts, { requests: 1, failures: 0, shortages: 1 });
    // An idle client would give way to the next connection.
    client.socket.destroy();
    await eventually(
      () => w.listener.connections,
      (open) => open === 0,
    );
  }
});

t.test('a gateway server says so to its balancer', { skip }, async (t) => {
  const w = await world(t, { route: { blame: 'target' } });
  const client = await w.client();
  const seen = await withoutDescriptors(async () => {
    client.send(post);
    return passTimeUntil(client.message(), 1000);
  });
  t.strictSame([statusOf(seen), field(seen, 'sluice-fault')], [503, 'shortage']);
});

t.test('a request goes to a server to which a connection is open', { skip }, async (t) => {
  const w = await world(t, { servers: 2 });
  const [first, second] = w.upstreams as [(typeof w.upstreams)[0], (typeof w.upstreams)[0]];
  first.maxActive = 1;
  first.active = 1;
  const client = await w.client();
  client.send(post);
  const other = await (w.servers[1] as (typeof w.servers)[0]).next();
  await other.message();
  other.send(ok);
  await client.message();
  first.active = 0;
  const answer = withoutDescriptors(async () => {
    client.send(post);
    await other.message();
    other.send(ok);
    return client.message();
  });
  t.equal(statusOf(await answer), 200);
  t.match([first.counts, second.counts], [{ shortages: 1 }, { shortages: 0, requests: 2 }]);
});

t.test('a health check that cannot be made is no failed check', { skip }, async (t) => {
  const result = await withoutDescriptors(
    () =>
      new Promise<ProbeResult>((resolve) =>
        probe({ address: '127.0.0.1:9', path: '/', timeout: 1000, expect: '200' }, systemClock, resolve),
      ),
  );
  t.match(result, { passed: false, failure: 'shortage' });
});

t.test('a request for which no connection can be opened gets the one of another exchange', { skip }, async (t) => {
  const w = await world(t);
  const [first, second] = [await w.client(), await w.client()];
  first.send(post);
  const server = await w.server.next();
  await server.message();
  const answers = await withoutDescriptors(async () => {
    second.send(post);
    await w.inFlight(2);
    server.send(ok);
    await server.message();
    server.send(ok);
    return [await first.message(), await second.message()];
  });
  t.strictSame(answers.map(statusOf), [200, 200]);
  t.match(w.upstream.counts, { requests: 2, failures: 0, shortages: 0, connects: 2 });
});

t.test('one that waits for a connection is opened as soon as that can be done', { skip }, async (t) => {
  const w = await world(t);
  const client = await w.client();
  await withoutDescriptors(async () => {
    client.send(post);
    await w.inFlight(1);
  });
  const server = await w.server.next();
  await server.message();
  server.send(ok);
  t.equal(statusOf(await client.message()), 200);
  t.match(w.outcomes, [{ kind: 'answered' }]);
});

t.test('an exchange that ends while it waits for a connection leaves nothing behind', { skip }, async (t) => {
  const w = await world(t, { spec: { timeouts: { total: '500ms' } } });
  const client = await w.client();
  await withoutDescriptors(async () => {
    client.send(post);
    t.equal(statusOf(await client.message()), 504);
    await w.quiet();
  });
  t.equal(w.upstream.pool.open, 0);
  t.match(w.outcomes, [{ kind: 'aborted' }]);
  t.equal(w.server.count, 0);
});
