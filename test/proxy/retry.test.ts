import t, { type Test } from 'tap';
import { environmentSpec } from '../../src/model/environment.ts';
import { RetryBudget } from '../../src/proxy/retry.ts';
import { field, statusOf } from '../wire/peer.ts';
import { world } from '../wire/world.ts';

const request = (method: string, body = '') => `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const ok = (body = 'ok') => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

/** A world after one exchange: the connections of client and server are open and idle. */
async function kept(t: Test) {
  const w = await world(t);
  const { client, server } = await w.asked(request('GET'));
  await server.message();
  server.send(ok());
  await client.message();
  return { w, client, server };
}

t.test('a server that refuses the connection is skipped, whatever the method', async (t) => {
  const w = await world(t, { deadServers: 2 });
  for (const method of ['GET', 'POST']) {
    const { client, server } = await w.asked(request(method, 'hello'));
    t.equal((await server.message()).body, 'hello', method);
    server.send(ok());
    t.equal(statusOf(await client.message()), 200);
    server.socket.destroy();
    await server.closed();
  }
  t.match(
    w.outcomes.map(({ kind }) => kind),
    ['connect-failed', 'connect-failed', 'answered', 'connect-failed', 'connect-failed', 'answered'],
  );
});

t.test('502 if no server is left, or the attempts are used up', async (t) => {
  const none = await world(t, { deadServers: 2, servers: 0 });
  const client = await none.client();
  client.send(request('GET'));
  const answer = await client.message();
  t.equal(statusOf(answer), 502);
  t.match(JSON.parse(answer.body), { code: 'connect-failed' });

  const once = await world(t, { deadServers: 1, spec: { retries: { attempts: 1 } } });
  const other = await once.client();
  other.send(request('GET'));
  t.equal(statusOf(await other.message()), 502);
  t.equal(once.server.count, 0);
});

t.test('a kept-alive connection that the server closes just as a request is sent', async (t) => {
  for (const how of ['end', 'reset'] as const) {
    await t.test(`${how}: an idempotent request is sent once more, to the same server`, async (t) => {
      for (const [method, body] of [
        ['GET', ''],
        ['PUT', 'hello'],
      ] as const) {
        const { w, client, server } = await kept(t);
        client.send(request(method, body));
        await server.message();
        server[how]();
        const fresh = await w.server.next();
        t.equal((await fresh.message()).body, body);
        fresh.send(ok('second'));
        t.equal((await client.message()).body, 'second', method);
        t.equal(w.upstream.failures, 0, 'that is no failure of the server');
      }
    });
  }
  await t.test('a POST is not sent twice', async (t) => {
    for (const body of ['hello', '']) {
      const { w, client, server } = await kept(t);
      client.send(request('POST', body));
      await server.message();
      server.end();
      t.equal(statusOf(await client.message()), 502);
      t.equal(w.server.count, 1);
    }
  });
  await t.test('not more than once', async (t) => {
    const { w, client, server } = await kept(t);
    client.send(request('GET'));
    await server.message();
    server.end();
    const fresh = await w.server.next();
    await fresh.message();
    fresh.end();
    t.equal(statusOf(await client.message()), 502);
    t.equal(w.server.count, 2);
  });
  await t.test('a body whose beginning is no longer in memory is not sent again', async (t) => {
    const { w, client, server } = await kept(t);
    client.send(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n${'x'.repeat(100_000)}`);
    await server.head();
    await server.until('the body so far', () => (server.text.length === 100_000 ? true : undefined));
    server.reset();
    t.equal(statusOf(await client.message()), 502);
    t.equal(w.server.count, 1);
  });
  await t.test('a body that is still arriving is sent again from its beginning', async (t) => {
    const { w, client, server } = await kept(t);
    client.send('PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    await server.take('hello\r\n');
    server.reset();
    const fresh = await w.server.next();
    await fresh.take('hello\r\n');
    client.send('5\r\nworld\r\n0\r\n\r\n');
    await fresh.take('5\r\nworld\r\n0\r\n\r\n');
    fresh.send(ok('again'));
    t.equal((await client.message()).body, 'again');
  });
});

t.test('a new connection that breaks before a response', async (t) => {
  await t.test('an idempotent request goes to another server', async (t) => {
    const w = await world(t, { servers: 2 });
    const { client, server } = await w.asked(request('GET'));
    await server.message();
    server.reset();
    const other = await w.servers[1]?.next();
    await other?.message();
    other?.send(ok('other'));
    t.equal((await client.message()).body, 'other');
    t.match(
      w.outcomes.map(({ kind }) => kind),
      ['reset', 'answered'],
    );
  });
  await t.test('but only within the budget', async (t) => {
    const w = await world(t, { servers: 2, spec: { retries: { budgetMin: 0, budgetPercent: 0 } } });
    const { client, server } = await w.asked(request('GET'));
    await server.message();
    server.reset();
    t.equal(statusOf(await client.message()), 502);
  });
  await t.test('but not once the response has begun', async (t) => {
    const w = await world(t, { servers: 2 });
    const { client, server } = await w.asked(request('GET'));
    await server.message();
    server.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe');
    await client.take('he');
    server.reset();
    t.equal(await client.until('the end', () => client.over), 'reset');
    t.equal(w.servers[1]?.count, 0);
  });
});

t.test('a response whose status is configured to be retried', async (t) => {
  const spec = { retries: { statuses: [503] } };
  const refusal = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno';
  await t.test('goes to another server, with its body', async (t) => {
    const w = await world(t, { servers: 2, spec });
    const { client, server } = await w.asked(request('PUT', 'hello'));
    await server.message();
    server.send(refusal);
    const other = await w.servers[1]?.next();
    t.equal((await other?.message())?.body, 'hello');
    other?.send(ok('other'));
    t.equal((await client.message()).body, 'other');
  });
  await t.test('but not if the method must not be repeated', async (t) => {
    const w = await world(t, { servers: 2, spec });
    const { client, server } = await w.asked(request('POST'));
    await server.message();
    server.send(refusal);
    t.equal(statusOf(await client.message()), 503);
    t.equal(w.servers[1]?.count, 0);
  });
  await t.test('is passed on if there is no other server', async (t) => {
    const w = await world(t, { spec });
    const { client, server } = await w.asked(request('GET'));
    await server.message();
    server.send(refusal);
    t.equal((await client.message()).body, 'no');
  });
  await t.test('goes to another server for POST too, if the operator allows it', async (t) => {
    const w = await world(t, { servers: 2, spec: { retries: { statuses: [503], methods: ['POST'] } } });
    const { client, server } = await w.asked(request('POST', 'hello'));
    await server.message();
    server.send(refusal);
    const other = await w.servers[1]?.next();
    t.equal((await other?.message())?.body, 'hello');
    other?.send(ok('other'));
    t.equal((await client.message()).body, 'other');
  });
});

t.test('the retry budget is a share of the requests', async (t) => {
  const settings = environmentSpec.parse({ retries: { budgetMin: 1 } }).retries;
  const budget = new RetryBudget();
  for (let request = 0; request < 100; request++) budget.earn(settings);
  let taken = 0;
  while (budget.take(settings)) taken++;
  t.equal(taken, 21);
  for (let request = 0; request < 10; request++) budget.earn(settings);
  t.ok(budget.take(settings));
  t.ok(budget.take(settings));
  t.notOk(budget.take(settings));
});

t.test('servers at their limit', async (t) => {
  await t.test('without a queue: 503 with Retry-After', async (t) => {
    const w = await world(t, { spec: { limits: { connectionsPerServer: 1 } } });
    await w.asked(request('GET'));
    const second = await w.client();
    second.send(request('GET'));
    const answer = await second.message();
    t.equal(statusOf(answer), 503);
    t.equal(field(answer, 'retry-after'), '1');
  });
  const spec = { limits: { connectionsPerServer: 1, queue: 2, queueTimeout: '200ms' } } as const;
  await t.test('with a queue, requests wait and are served in order, with their bodies', async (t) => {
    const w = await world(t, { spec: { limits: { ...spec.limits, queueTimeout: '5s' } } });
    const { client: first, server } = await w.asked(request('POST', 'one'));
    t.equal((await server.message()).body, 'one');
    const waiting = [];
    for (const body of ['two', 'three']) {
      const client = await w.client();
      await client.sent(request('POST', body));
      waiting.push(client);
      await w.inFlight(waiting.length + 1);
    }
    const beyond = await w.client();
    beyond.send(request('GET'));
    const refused = await beyond.message();
    t.equal(statusOf(refused), 503);
    t.match(JSON.parse(refused.body), { code: 'queue-full' });
    server.send(ok('one'));
    t.equal((await first.message()).body, 'one');
    for (const [index, body] of ['two', 'three'].entries()) {
      t.equal((await server.message()).body, body);
      server.send(ok(body));
      t.equal((await waiting[index]?.message())?.body, body);
    }
    t.equal(w.server.count, 1);
  });
  await t.test('a request that waits too long gets 503', async (t) => {
    const w = await world(t, { spec });
    await w.asked(request('GET'));
    const second = await w.client();
    second.send(request('GET'));
    const answer = await second.message();
    t.equal(statusOf(answer), 503);
    t.match(JSON.parse(answer.body), { code: 'queue-timeout' });
  });
  await t.test('a client that leaves is removed from the queue', async (t) => {
    const w = await world(t, { spec: { limits: { ...spec.limits, queueTimeout: '5s' } } });
    const { client: first, server } = await w.asked(request('GET'));
    await server.message();
    const second = await w.client();
    second.send(request('GET'));
    const third = await w.client();
    await w.inFlight(2);
    second.reset();
    await w.inFlight(1);
    third.send(request('PUT', 'third'));
    server.send(ok());
    await first.message();
    t.equal((await server.message()).body, 'third');
    server.send(ok());
    await third.message();
  });
  await t.test('without any server no request waits', async (t) => {
    const w = await world(t, { spec, route: { pick: () => undefined } });
    const client = await w.client();
    client.send(request('GET'));
    t.match(JSON.parse((await client.message()).body), { code: 'no-server' });
  });
});
