import { once } from 'node:events';
import { type Test, test } from 'tap';
import { WebSocket } from 'ws';
import type { Happening } from '../../src/api/answers.ts';
import type { FeedMessage } from '../../src/api/feed-messages.ts';
import { startRedis } from '../tools/redis.ts';
import { Load } from './load.ts';
import {
  adminToken,
  type BalancerUnderTest,
  current,
  deployEcho,
  eventually,
  serving,
  startBalancer,
  startGateway,
  startTarget,
} from './system.ts';

/** Reads the feed of a balancer; each of its messages, as they come. */
async function* reading(t: Test, { control }: BalancerUnderTest): AsyncGenerator<FeedMessage> {
  const socket = new WebSocket(`${control.replace('http', 'ws')}/v1/events`, { headers: { authorization: `Bearer ${adminToken}` } });
  t.teardown(() => socket.terminate());
  const told: FeedMessage[] = [];
  socket.on('message', (data) => told.push(JSON.parse(String(data))));
  for (;;) {
    while (told.length === 0) await once(socket, 'message');
    yield told.shift() as FeedMessage;
  }
}

async function history({ api }: BalancerUnderTest): Promise<string[]> {
  const { happenings } = (await api('GET', '/v1/events/history')) as { happenings: Happening[] };
  return happenings.map(({ subject, text }) => `${subject} ${text}`);
}

test('who opens the feed late is told what the workers carried before', async (t) => {
  const balancer = await startBalancer(t, { workers: 2 });
  const target = await startTarget(t);
  await startGateway(t, 'a', balancer.control);
  await deployEcho(balancer, target.url);
  await serving(balancer, ['a']);
  await current(balancer, 1);
  const load = new Load(balancer.address, '/echo/', { clients: 2, restMs: 5 });
  // One reader keeps the time: a few seconds with traffic in them.
  let seconds = 0;
  for await (const message of reading(t, balancer)) {
    if (message.type === 'traffic' && (message.environments['production']?.[0] ?? 0) > 0 && ++seconds === 3) break;
  }
  for await (const message of reading(t, balancer)) {
    if (message.type !== 'history' || message.environment !== 'production') continue;
    const carried = message.samples.filter(([, [requests]]) => requests > 0);
    t.ok(carried.length >= 3, `${carried.length} seconds with traffic`);
    t.ok(
      carried.some(([, figures]) => figures[3] !== null && figures[4] !== null),
      'with latencies',
    );
    break;
  }
  t.same((await load.stop()).wrong, []);
});

test('two balancers on one Redis: what one was told happens in both journals, and a session is good for both', async (t) => {
  const redis = await startRedis(t);
  const one = await startBalancer(t, { registry: { url: redis.url } });
  const other = await startBalancer(t, { registry: { url: redis.url } });
  const target = await startTarget(t);
  await startGateway(t, 'a', redis.url);
  await deployEcho(one, target.url);
  for (const balancer of [one, other]) {
    await eventually(
      () => history(balancer),
      (texts) =>
        ['a joined production', 'echo revision 1 pushed', 'production echo revision 1 deployed'].every((text) => texts.includes(text)),
    );
  }
  t.pass('both know');
  const signIn = await fetch(`${one.control}/v1/session`, { method: 'POST', headers: { authorization: `Bearer ${adminToken}` } });
  const secret = signIn.headers.get('set-cookie')?.match(/=([\w-]+)/)?.[1];
  // Behind one address both would have one port, and the cookie one name.
  const cookie = `sluice-session-${new URL(other.control).port}=${secret}`;
  t.equal((await fetch(`${other.control}/v1/servers`, { headers: { cookie } })).status, 200);

  const feed = reading(t, other);
  await redis.stop();
  for await (const message of feed) if (message.type === 'registry' && !message.up) break;
  t.pass('readers are told that the registry is away');
});
