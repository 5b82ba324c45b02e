import t, { type Test, test } from 'tap';
import { WebSocket } from 'ws';
import type { Happening } from '../../src/api/answers.ts';
import type { FeedMessage } from '../../src/api/feed-messages.ts';
import { Condition } from '../tools/condition.ts';
import { deployEcho, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { Load } from '../tools/load.ts';
import { startRedis } from '../tools/redis.ts';
import { adminToken, type BalancerUnderTest, current, serving, startBalancer, startGateway } from '../tools/sluice-under-test.ts';

// Side by side: each test has processes of its own, and waits most of the time.
t.jobs = 2;

/** Yields the messages of a balancer's live feed. */
async function* messagesOf(t: Test, { control }: BalancerUnderTest): AsyncGenerator<FeedMessage> {
  const socket = new WebSocket(`${control.replace('http', 'ws')}/v1/events`, { headers: { authorization: `Bearer ${adminToken}` } });
  t.teardown(() => socket.terminate());
  const unread: FeedMessage[] = [];
  const received = new Condition();
  let last: FeedMessage | undefined;
  socket.on('message', (data) => {
    unread.push(JSON.parse(String(data)));
    received.notify();
  });
  for (;;) {
    last = await received.until(() => unread.shift(), { what: 'the next message of the live feed', seen: () => last });
    yield last;
  }
}

async function history({ api }: BalancerUnderTest): Promise<string[]> {
  const { happenings } = (await api('GET', '/v1/events/history')) as { happenings: Happening[] };
  return happenings.map(({ subject, text }) => `${subject} ${text}`);
}

test('the history of a new reader includes the traffic that workers carried before it connected', async (t) => {
  const balancer = await startBalancer(t, { workers: 2 });
  const target = await startTarget(t);
  await startGateway(t, 'a', balancer.control);
  await deployEcho(balancer, target.url);
  await serving(balancer, ['a']);
  await current(balancer, 1);
  const load = new Load(balancer.address, '/echo/', { clients: 2, restMs: 5 });
  // A first reader counts three seconds with traffic.
  let seconds = 0;
  for await (const message of messagesOf(t, balancer)) {
    if (message.type === 'traffic' && (message.environments['production']?.[0] ?? 0) > 0 && ++seconds === 3) break;
  }
  for await (const message of messagesOf(t, balancer)) {
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

test('two balancers on one Redis: a change on one is in the journals of both, and both accept a session of either', async (t) => {
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
  t.pass('both journals have it');
  const signIn = await fetch(`${one.control}/v1/session`, { method: 'POST', headers: { authorization: `Bearer ${adminToken}` } });
  const secret = signIn.headers.get('set-cookie')?.match(/=([\w-]+)/)?.[1];
  // The cookie is named after the port. Behind one shared address both balancers have the same port, and so the same cookie name.
  const cookie = `sluice-session-${new URL(other.control).port}=${secret}`;
  const { key } = (await signIn.json()) as { key: string };
  t.equal((await fetch(`${other.control}/v1/servers`, { headers: { cookie, 'sluice-session-key': key } })).status, 200);

  const feed = messagesOf(t, other);
  // A reader that connects after the end of Redis would hear of it at once, in the welcome alone.
  t.match((await feed.next()).value, { type: 'welcome', registry: true });
  await redis.stop();
  for await (const message of feed) if (message.type === 'registry' && !message.up) break;
  t.pass('the feed reports that the registry is unreachable');
});
