import { once } from 'node:events';
import { connect } from 'node:net';
import { type Test, test } from 'tap';
import { WebSocket } from 'ws';
import type { FeedMessage } from '../../src/api/feed-messages.ts';
import { compareServers } from '../../src/control/feed/server-changes.ts';
import { type Clock, systemClock } from '../../src/model/clock.ts';
import { Condition } from '../tools/condition.ts';
import { type ControlUnderTest, controlUnderTest, joining, sampleProject, seen, tokens } from './control-under-test.ts';
import { server } from './sample-server.ts';

/** Seconds pass in a twentieth of the time. */
const hurried: Clock = { ...systemClock, after: (delayMs, task) => systemClock.after(delayMs / 20, task) };

/** A reader of the live feed, which can be waited for. */
async function reader(t: Test, { control }: ControlUnderTest) {
  const socket = new WebSocket(`${control.url.replace('http', 'ws')}/v1/events`, { headers: { authorization: `Bearer ${tokens.admin}` } });
  const messages: FeedMessage[] = [];
  const arrived = new Condition();
  socket.on('message', (data) => {
    messages.push(JSON.parse(String(data)));
    arrived.notify();
  });
  t.teardown(() => socket.terminate());
  await once(socket, 'open');
  return {
    socket,
    /** The first message of that type, past or to come, that `fits`; it and those before it are used up. */
    next<Type extends FeedMessage['type']>(type: Type, fits: (message: FeedMessage & { type: Type }) => boolean = () => true) {
      return arrived.until(() => {
        const index = messages.findIndex((message) => message.type === type && fits(message as FeedMessage & { type: Type }));
        return index >= 0 && (messages.splice(0, index + 1).at(-1) as FeedMessage & { type: Type });
      });
    },
  };
}

test('the live feed tells membership, health, deployments and traffic as they change', async (t) => {
  const under = await controlUnderTest(t, { clock: hurried });
  const { registry, live, ask } = under;
  await registry.putEnvironment('production', {});
  const feed = await reader(t, under);
  t.match(await feed.next('welcome'), { version: '0.0.0-test', registry: true });
  await registry.join(joining('a', 'production'));
  t.match(await feed.next('membership'), { server: { id: 'a', state: 'joining' } });
  t.match(await feed.next('happenings'), { happenings: [{ subject: 'a', text: 'joined production' }] });

  await registry.join(joining('b'));
  t.match(await feed.next('membership'), { server: { id: 'b', state: 'available' } });
  await registry.assign('b', 'production');
  t.match(await feed.next('membership', ({ server }) => server.id === 'b'), {
    server: { environment: 'production', state: 'joining' },
    was: 'available',
  });

  await ask('POST', '/v1/projects', { body: sampleProject('pets') });
  t.match(await feed.next('project'), { name: 'pets' });
  await ask('PUT', '/v1/environments/production/deployments/pets');
  t.match(await feed.next('deployment'), { environment: 'production', version: 1 });

  live.push(seen('a', 'production', { health: 'up', active: 2, requests: 10 }));
  t.match(await feed.next('health'), { id: 'a', health: 'up', was: 'unknown' });
  live[0] = seen('a', 'production', { health: 'down', reason: 'connect refused', requests: 11 });
  t.match(await feed.next('health'), { id: 'a', health: 'down', was: 'up', reason: 'connect refused' });
  live[0] = seen('a', 'production', { health: 'down', reason: 'connect refused', requests: 511, active: 4 });
  const { environments, servers } = await feed.next('traffic', (told) => (told.servers['production']?.['a']?.[0] ?? 0) > 0);
  t.ok((environments['production']?.[0] ?? 0) > 0, 'and who carries it');
  t.equal(servers['production']?.['a']?.[2], 4);

  await registry.leave('b', 'b-1');
  t.match(await feed.next('gone'), { id: 'b', environment: 'production' });
  const late = await reader(t, under);
  t.match(await late.next('servers'), { servers: [{ id: 'a' }] }, 'who comes later is told everything too');
});

test('servers that did not change are not told again', (t) => {
  t.same(compareServers([server], [{ ...server, active: 5, requests: 9, lastSeen: 7 }], 1), { messages: [], happenings: [] });
  t.match(compareServers([server], [{ ...server, weight: 2 }], 1), {
    messages: [{ type: 'membership' }],
    happenings: [{ text: 'weight 1 → 2' }],
  });
  t.match(
    compareServers([server], [{ ...server, reason: 'slow' }], 1).messages,
    [{ type: 'health', reason: 'slow' }],
    'a reason that changes is told',
  );
  t.end();
});

test('the feed is for the admin only, and other upgrades lead nowhere', async (t) => {
  const under = await controlUnderTest(t, { clock: hurried });
  const status = async (path: string, authorization?: string) => {
    const socket = new WebSocket(
      under.control.url.replace('http', 'ws') + path,
      authorization === undefined ? {} : { headers: { authorization } },
    );
    const [, response] = await Promise.race([
      once(socket, 'unexpected-response'),
      once(socket, 'open').then(() => [undefined, { statusCode: 101, headers: {} }]),
    ]);
    socket.on('error', () => {});
    socket.terminate();
    return response.statusCode;
  };
  t.equal(await status('/v1/events'), 401);
  t.equal(await status('/v1/events', `Bearer ${tokens.join}`), 401);
  t.equal(await status('/v1/events?x=1', `Bearer ${tokens.admin}`), 101);
  t.equal(await status('/v1/elsewhere'), 401);
  t.equal(await status('/v1/elsewhere', `Bearer ${tokens.admin}`), 404);
  t.equal(await status('/v1/join', `Bearer ${tokens.join}`), 401, 'the registration endpoint authenticates by itself');
  t.same(under.joins, ['/v1/join']);
  t.equal((await under.ask('GET', '/v1/events')).status, 426);
});

test('garbage on the feed closes that reader only', async (t) => {
  const under = await controlUnderTest(t, { clock: hurried });
  const [bad, good] = [await reader(t, under), await reader(t, under)];
  bad.socket.send('x'.repeat(100_000));
  const [code] = await once(bad.socket, 'close');
  t.equal(code, 1009);
  t.match(await good.next('servers'), { type: 'servers' });
  const raw = await reader(t, under);
  // biome-ignore lint/suspicious/noExplicitAny: the bytes under the WebSocket
  (raw.socket as any)._socket.write(Buffer.alloc(2000, 0xff));
  await once(raw.socket, 'close');
  await under.registry.join(joining('z'));
  t.match(await good.next('membership'), { server: { id: 'z' } });
});

test('closing sends readers away with 1001, also one that does not answer', async (t) => {
  const under = await controlUnderTest(t, { clock: hurried });
  const polite = await reader(t, under);
  const deaf = await reader(t, under);
  deaf.socket.pause();
  const gone = once(polite.socket, 'close');
  await under.control.close();
  const [code] = await gone;
  t.equal(code, 1001);
});

test('an offer to upgrade to something else is passed over, and the request answered', async (t) => {
  const under = await controlUnderTest(t, { clock: hurried });
  const socket = connect(Number(new URL(under.control.url).port), '127.0.0.1');
  t.teardown(() => socket.destroy());
  const body = JSON.stringify(sampleProject('pets'));
  socket.write(
    `POST /v1/projects HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${tokens.admin}\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, 10)}`,
  );
  socket.write(body.slice(10));
  const [answer] = await once(socket, 'data');
  t.match(String(answer), /^HTTP\/1\.1 201 /);
  t.equal((await under.registry.projects()).length, 1);
});

test('a reader that does not read is sent away before it costs much memory, the others miss nothing', async (t) => {
  const under = await controlUnderTest(t, { clock: hurried });
  const { registry, live } = under;
  await registry.putEnvironment('production', {});
  await registry.join(joining('a', 'production'));
  live.push(seen('a', 'production', { health: 'down', reason: 'x'.repeat(1_000_000) }));
  const [deaf, good] = [await reader(t, under), await reader(t, under)];
  await deaf.next('servers');
  deaf.socket.pause();
  const sent = 40;
  for (let weight = 2; weight < 2 + sent; weight++) {
    await registry.patchServer('a', { weight });
    await good.next('membership', ({ server }) => server.weight === weight);
  }
  let received = 0;
  deaf.socket.on('message', () => received++);
  const closed = once(deaf.socket, 'close');
  deaf.socket.resume();
  await closed;
  t.ok(received < sent, `it got ${received} of ${sent}`);
});
