import t from 'tap';
import { passTime } from '../tools/pass-time.ts';
import { field, statusOf } from './peer.ts';
import { world } from './world.ts';

const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const emptyPost = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n';
const put = 'PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello';
const upgrade = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n';
const answer = (status: number, fields = '') => `HTTP/1.1 ${status} Some\r\n${fields}Content-Length: 2\r\n\r\nno`;
/** The route of a gateway server. */
const gateway = { blame: 'target' } as const;

for (const [kind, request] of Object.entries({ GET: get, upgrade })) {
  t.test(`a gateway server marks each 5xx that comes from a target, and no other answer (${kind})`, async (t) => {
    for (const [status, marked] of [
      [200, undefined],
      [404, undefined],
      [500, 'target'],
      [503, 'target'],
    ] as const) {
      const w = await world(t, { route: gateway });
      const { client, server } = await w.asked(request);
      await server.message();
      server.send(answer(status, 'Sluice-Fault: nobody\r\n'));
      const seen = await client.message();
      t.equal(statusOf(seen), status);
      t.strictSame(
        seen.fields.filter(([name]) => name === 'sluice-fault').map(([, value]) => value),
        marked === undefined ? [] : [marked],
        'what a target claims is dropped',
      );
    }
  });

  t.test(`a gateway server marks what it answers because a target failed (${kind})`, async (t) => {
    const dead = await world(t, { servers: 0, deadServers: 1, route: gateway });
    const client = await dead.client();
    client.send(request);
    const refused = await client.message();
    t.strictSame([statusOf(refused), field(refused, 'sluice-fault')], [502, 'target']);

    const w = await world(t, { route: gateway, spec: { retries: { attempts: 1 }, timeouts: { responseHead: '20s' } } });
    const first = await w.asked(request);
    await first.server.message();
    first.server.reset();
    const reset = await first.client.message();
    t.strictSame([statusOf(reset), field(reset, 'sluice-fault')], [502, 'target']);
    const second = await w.asked(request);
    await second.server.message();
    await passTime(20_000);
    const silent = await second.client.message();
    t.strictSame([statusOf(silent), field(silent, 'sluice-fault')], [504, 'target']);
  });

  t.test(`a balancer believes its gateway servers only, and no client sees the mark (${kind})`, async (t) => {
    for (const believed of [true, false]) {
      const w = await world(t);
      w.upstream.believed = believed;
      const { client, server } = await w.asked(request);
      await server.message();
      server.send(answer(502, 'Sluice-Fault: target\r\n'));
      const seen = await client.message();
      t.strictSame([statusOf(seen), field(seen, 'sluice-fault')], [502, undefined]);
      const [outcome] = w.outcomes;
      t.match(outcome, { kind: 'answered', status: 502 });
      t.equal(outcome?.kind === 'answered' && outcome.blame, believed ? 'target' : undefined);
      t.match(w.upstream.counts, { targetErrors: believed ? 1 : 0, statuses: [0, 0, 0, 0, 0, 1] });
    }
  });
}

t.test('a bug of the gateway server itself is not marked', async (t) => {
  const respond = () => {
    throw new Error('a bug');
  };
  const w = await world(t, { route: { ...gateway, respond } });
  const { client, server } = await w.asked(get);
  await server.message();
  server.send(answer(200));
  const seen = await client.message();
  t.strictSame([statusOf(seen), field(seen, 'sluice-fault')], [500, undefined]);
});

for (const [kind, request] of Object.entries({ POST: emptyPost, PUT: put })) {
  t.test(`a request that a server could not carry out for a shortage goes to another server (${kind})`, async (t) => {
    const w = await world(t, { servers: 2 });
    for (const upstream of w.upstreams) upstream.believed = true;
    const { client, server } = await w.asked(request);
    await server.message();
    server.send(answer(503, 'Sluice-Fault: shortage\r\n'));
    const other = await (w.servers[1] as (typeof w.servers)[0]).next();
    await other.message();
    other.send(answer(200));
    t.equal(statusOf(await client.message()), 200);
    t.match(w.outcomes[0], { kind: 'answered', blame: 'shortage' });
    t.equal(w.route.budget.counts.retries.shortage, 1);
  });
}
