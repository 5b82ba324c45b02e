import t, { type Test } from 'tap';
import type { ServerCounts } from '../../src/model/counts.ts';
import { statusOf } from '../wire/peer.ts';
import { world } from '../wire/world.ts';

const request = (method: string, body = '') => `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const ok = (body = 'ok') => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

/** Checks that each attempt ended once: as a response, a failure or abandoned. A truncated response counts as a response and as a failure. */
function addUp(t: Test, { requests, statuses, failures, failed, abandoned }: ServerCounts): void {
  const responses = statuses.reduce((sum, count) => sum + count, 0);
  t.equal(responses + failures - failed.truncated + abandoned, requests, 'each attempt ended once');
  t.equal(
    Object.values(failed).reduce((sum, count) => sum + count, 0),
    failures,
  );
}

t.test('an exchange is counted once, with its octets, under the status that the client got', async (t) => {
  const w = await world(t);
  const { client, server } = await w.asked(request('POST', 'hello'));
  await server.message();
  server.send(ok('0123456789'));
  await client.message();
  client.send(request('GET'));
  await server.message();
  server.send('HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone');
  await client.message();
  client.send('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
  t.equal(statusOf(await client.message()), 400);
  await w.quiet();
  const { counts } = w.listener;
  t.match(counts, {
    statuses: [0, 0, 1, 0, 1, 0],
    requestOctets: 5,
    responseOctets: 14,
    aborted: 0,
    own: { 'repeated-host': 1 },
    accepted: 1,
  });
  t.equal(
    counts.durations.counts.reduce((sum, count) => sum + count, 0),
    2,
  );
  t.match(w.upstream.counts, { requests: 2, connects: 1, reuses: 1, abandoned: 0 });
  addUp(t, w.upstream.counts);
});

t.test('a client that leaves before the response head counts without a status, after it with one', async (t) => {
  const w = await world(t);
  const first = await w.asked(request('GET'));
  await first.server.message();
  first.client.reset();
  await w.quiet();
  t.match(w.listener.counts, { statuses: [1, 0, 0, 0, 0, 0], aborted: 1 });
  t.match(w.upstream.counts, { requests: 1, abandoned: 1, failures: 0 });
  const second = await w.asked(request('GET'));
  await second.server.message();
  second.server.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
  await second.client.head();
  second.client.reset();
  await w.quiet();
  t.match(w.listener.counts, { aborted: 2 });
  addUp(t, w.upstream.counts);
});

t.test('an attempt ends exactly once, even if its response meets a bug', async (t) => {
  const respond = () => {
    throw new Error('a bug');
  };
  const w = await world(t, { route: { respond } });
  const { client, server } = await w.asked(request('GET'));
  await server.message();
  server.send(ok());
  t.equal(statusOf(await client.message()), 500);
  await w.quiet();
  t.match(w.upstream.counts, { requests: 1, statuses: [0, 0, 1, 0, 0, 0], abandoned: 0 });
  addUp(t, w.upstream.counts);
});

t.test('retries are counted by reason, and retries that the budget did not allow apart', async (t) => {
  const retries = { budgetMin: 1, budgetPercent: 0 };
  const w = await world(t, { servers: 2, deadServers: 1, spec: { retries } });
  for (let round = 0; round < 2; round++) {
    const client = await w.client();
    client.send(request('GET'));
    const server = await w.servers[0]?.next();
    await server?.message();
    server?.socket.resetAndDestroy();
    if (round === 0) {
      const other = await w.servers[1]?.next();
      await other?.message();
      other?.send(ok());
    }
    t.equal(statusOf(await client.message()), round === 0 ? 200 : 502);
  }
  t.match(w.route.budget.counts, { retries: { 'connect-failed': 2, reset: 1, status: 0 }, exhausted: 1 });
  t.match(w.listener.counts.own, { 'upstream-reset': 1 });
  for (const upstream of w.upstreams) addUp(t, upstream.counts);
});

t.test('the queue counts waits, overflows and timeouts', async (t) => {
  const w = await world(t, { spec: { limits: { connectionsPerServer: 1, queue: 1, queueTimeout: '1s' } } });
  const { client, server } = await w.asked(request('GET'));
  await server.message();
  const waiting = await w.client();
  waiting.send(request('GET'));
  await w.inFlight(2);
  t.equal(w.route.queue?.length, 1);
  const beyond = await w.client();
  beyond.send(request('GET'));
  t.equal(statusOf(await beyond.message()), 503);
  t.equal(statusOf(await waiting.message()), 503);
  server.send(ok());
  await client.message();
  const counts = w.route.queue?.counts;
  t.match(counts, { overflows: 1, timeouts: 1 });
  t.equal(
    counts?.waits.counts.reduce((sum, count) => sum + count, 0),
    1,
  );
  t.ok((counts?.waits.sumMs ?? 0) > 0);
  t.match(w.listener.counts.own, { 'queue-full': 1, 'queue-timeout': 1 });
  t.equal(w.route.queue?.length, 0);
});
