import t, { type Test } from 'tap';
import type { Exchange, Route } from '../../src/proxy/contract.ts';
import type { Upstream } from '../../src/proxy/upstream.ts';
import { passTime } from '../tools/pass-time.ts';
import { field, type Peer, statusOf } from './peer.ts';
import { type World, type WorldOptions, world } from './world.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const post = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n';
const upgrade = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';

/** A bug in the code of a role. */
const bug = new TypeError('undefined is not a function');
function broken(): never {
  throw bug;
}

/** Checks that the client gets a 500 without details, that the bug was reported once, and that nothing is left in flight. */
async function fails(t: Test, w: World, client: Peer): Promise<void> {
  const answer = await client.message();
  t.equal(statusOf(answer), 500);
  t.equal(field(answer, 'connection'), 'close');
  t.match(JSON.parse(answer.body), { status: 500, code: 'internal' });
  t.notMatch(answer.raw + answer.body, 'undefined');
  t.equal(await client.rest(), '');
  await w.quiet();
  t.strictSame(w.faults, [{ error: bug, requestId: field(answer, 'x-request-id') }], 'the bug is reported once');
}

/** Checks that another client is served. */
async function served(t: Test, w: World): Promise<void> {
  const client = await w.client();
  client.send(get);
  const server = await w.server.next();
  await server.message();
  server.send(ok);
  t.equal((await client.message()).body, 'ok');
}

/** Opens a world whose route has a bug until `fix` is called. */
async function buggy(t: Test, part: (bug: { there: boolean }) => Partial<Route>, options: WorldOptions = {}) {
  const state = { there: true };
  const w = await world(t, { ...options, route: part(state) });
  const fix = () => {
    state.there = false;
  };
  return { w, fix };
}

t.test('a handler that throws at once', async (t) => {
  let there = true;
  const w: World = await world(t, { handler: { request: (exchange) => (there ? broken() : exchange.forward(w.route)) } });
  const client = await w.client();
  client.send(get);
  await fails(t, w, client);
  there = false;
  await served(t, w);
});

t.test('a handler that throws after it forwarded', async (t) => {
  let there = true;
  const request = (exchange: Exchange) => {
    exchange.forward(w.route);
    if (there) broken();
  };
  const w: World = await world(t, { handler: { request } });
  const client = await w.client();
  client.send(get);
  await fails(t, w, client);
  there = false;
  await served(t, w);
});

t.test('a handler that throws after it responded affects no response', async (t) => {
  const request = (exchange: Exchange) => {
    exchange.respond(200, {}, 'here');
    broken();
  };
  const w = await world(t, { handler: { request } });
  const client = await w.client();
  client.send(`${get}${get}`);
  t.equal((await client.message()).body, 'here');
  t.equal((await client.message()).body, 'here');
  t.equal(w.faults.length, 2);
});

t.test('a bug while a server is picked', async (t) => {
  await t.test('at the first attempt', async (t) => {
    const { w, fix } = await buggy(t, (bug) => ({ pick: () => (bug.there ? broken() : w.upstream) }));
    const client = await w.client();
    client.send(post);
    await fails(t, w, client);
    fix();
    await served(t, w);
  });
  await t.test('after one attempt has failed', async (t) => {
    const pick = (_: unknown, tried: readonly Upstream[]) => (tried.length > 0 ? broken() : w.upstream);
    const { w } = await buggy(t, () => ({ pick }));
    const { client, server } = await w.asked(get);
    await server.message();
    server.reset();
    await fails(t, w, client);
  });
  await t.test('for a waiting exchange, when another ends: only the waiting one fails', async (t) => {
    const spec = { limits: { connectionsPerServer: 1, queue: 10 } };
    let mine: string | undefined;
    const pick = (exchange: Exchange) => {
      if (exchange.id === mine) broken();
      return w.upstream.available ? w.upstream : undefined;
    };
    const { w } = await buggy(t, () => ({ pick }), { spec });
    const { client, server } = await w.asked(get);
    await server.message();
    const waiting = await Promise.all([w.client(), w.client()]);
    for (const [index, peer] of waiting.entries()) {
      peer.send(get.replace('\r\n\r\n', `\r\nX-Request-Id: waiting-${index}\r\n\r\n`));
      await w.inFlight(index + 2);
    }
    mine = 'waiting-0';
    server.send(ok);
    t.equal((await client.message()).body, 'ok');
    const [first, second] = waiting as [Peer, Peer];
    t.equal(statusOf(await first.message()), 500);
    await server.message();
    server.send(ok);
    t.equal((await second.message()).body, 'ok', 'the next waiting exchange got its turn');
    await w.quiet();
    t.strictSame(w.faults, [{ error: bug, requestId: 'waiting-0' }]);
  });
});

t.test('a bug while the head for a server is written', async (t) => {
  for (const kept of [false, true]) {
    await t.test(kept ? 'on a kept connection' : 'on a new connection', async (t) => {
      let there = !kept;
      const { w } = await buggy(t, () => ({ rewrite: () => (there ? broken() : undefined) }));
      if (kept) await served(t, w);
      t.equal(w.upstream.pool.idle, kept ? 1 : 0);
      there = true;
      const client = await w.client();
      client.send(get);
      await fails(t, w, client);
      t.equal(w.upstream.pool.open, 0, 'the connection is not used again');
    });
  }
});

t.test('a bug when the response arrives', async (t) => {
  for (const [name, response] of [
    ['whole', ok],
    ['with more to follow', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'],
    ['without a length', 'HTTP/1.1 200 OK\r\n\r\nhello'],
  ] as const) {
    for (const request of [get, post]) {
      await t.test(`${name}, to ${request.slice(0, 4)}`, async (t) => {
        const { w, fix } = await buggy(t, (bug) => ({ respond: () => void (bug.there && broken()) }));
        const { client, server } = await w.asked(request);
        await server.head();
        server.send(response);
        await fails(t, w, client);
        await server.closed();
        t.equal(w.upstream.pool.open, 0);
        fix();
        await served(t, w);
      });
    }
  }
});

t.test('a bug in the observer of outcomes has no effect on the exchange', async (t) => {
  const { w } = await buggy(t, () => ({ observe: broken }));
  await served(t, w);
  await w.quiet();
  t.match(w.faults, [{ error: bug }]);
  const client = await w.client();
  client.send(get);
  await w.inFlight(1);
  client.reset();
  await w.quiet();
  t.match(w.faults, [{ error: bug }, { error: bug }], 'also for an exchange that ends early');
});

t.test('a bug after a timeout does not stop the deadlines', async (t) => {
  let asked = 0;
  const pick = () => (asked++ === 0 ? w.upstream : broken());
  const { w } = await buggy(t, () => ({ pick }), { spec: { timeouts: { responseHead: '8s' }, retries: { statuses: [503] } } });
  const { client, server } = await w.asked(get);
  await server.message();
  server.send('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n');
  await fails(t, w, client);
  const late = await w.client();
  late.send('GET / HTTP/1.1\r\nHost');
  asked = 0;
  const second = await w.asked(get);
  await second.server.message();
  await passTime(8_000);
  t.equal(statusOf(await second.client.message()), 504, 'deadlines still pass');
});

t.test('a bug in an upgrade', async (t) => {
  await t.test('while a server is picked', async (t) => {
    const { w } = await buggy(t, () => ({ pick: broken }));
    const client = await w.client();
    client.send(upgrade);
    await fails(t, w, client);
  });
  await t.test('after one server has refused the connection', async (t) => {
    const pick = (_: unknown, tried: readonly Upstream[]) => (tried.length > 0 ? broken() : dead);
    const { w } = await buggy(t, () => ({ pick }), { deadServers: 1 });
    const dead = w.dead[0] as Upstream;
    const client = await w.client();
    client.send(upgrade);
    await fails(t, w, client);
  });
  await t.test('while the head is written', async (t) => {
    const { w, fix } = await buggy(t, (bug) => ({ rewrite: () => (bug.there ? broken() : undefined) }));
    const client = await w.client();
    client.send(upgrade);
    await fails(t, w, client);
    const unused = await w.server.next();
    await unused.closed();
    fix();
    await served(t, w);
  });
  await t.test('in the observer of outcomes: the tunnel stays open', async (t) => {
    const { w } = await buggy(t, () => ({ observe: broken }));
    const { client, server } = await w.asked(upgrade);
    await server.head();
    server.send(switching);
    await client.head();
    client.send('ping');
    await server.take('ping');
    client.end();
    server.end();
    await w.quiet();
    t.match(w.faults, [{ error: bug }]);
  });
});

t.test('a bug in the access log has no effect on the exchange', async (t) => {
  const w = await world(t, { log: broken });
  await served(t, w);
  t.match(w.faults, [{ error: bug }]);
});
