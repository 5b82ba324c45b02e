import { once } from 'node:events';
import { connect } from 'node:net';
import { type Test, test } from 'tap';
import { WebSocket } from 'ws';
import type { FeedMessage } from '../../src/api/feed-messages.ts';
import { compareServers } from '../../src/control/feed/server-changes.ts';
import { type Clock, systemClock } from '../../src/model/clock.ts';
import { atOnce } from '../../src/model/pieces.ts';
import { Condition } from '../tools/condition.ts';
import { eventually } from '../tools/eventually.ts';
import { type ControlUnderTest, controlUnderTest, joinRequest, liveServer, sampleProject, tokens } from './control-under-test.ts';
import { server } from './sample-server.ts';

/** A clock whose timers run twenty times as fast. */
const fastClock: Clock = { ...systemClock, after: (delayMs, task) => systemClock.after(delayMs / 20, task) };

/** Connects a reader to the live feed. */
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
    /** Waits for the first message of `type` that `fits`, and drops it and all earlier ones. */
    next<Type extends FeedMessage['type']>(type: Type, fits: (message: FeedMessage & { type: Type }) => boolean = () => true) {
      return arrived.until(
        () => {
          const index = messages.findIndex((message) => message.type === type && fits(message as FeedMessage & { type: Type }));
          return index >= 0 && (messages.splice(0, index + 1).at(-1) as FeedMessage & { type: Type });
        },
        { what: `a message ${type} with ${fits}`, seen: () => messages },
      );
    },
  };
}

test('the live feed sends changes of membership, health and deployments, and traffic', async (t) => {
  const under = await controlUnderTest(t, { clock: fastClock });
  const { registry, live, ask } = under;
  await registry.putEnvironment('production', {});
  const feed = await reader(t, under);
  t.match(await feed.next('welcome'), { version: '0.0.0-test', registry: true });
  await registry.join(joinRequest('a', 'production'));
  t.match(await feed.next('membership'), { server: { id: 'a', state: 'joining' } });
  t.match(await feed.next('happenings'), { happenings: [{ subject: 'a', text: 'joined production' }] });

  await registry.join(joinRequest('b'));
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

  live.push(liveServer('a', 'production', { health: 'up', active: 2, requests: 10 }));
  t.match(await feed.next('health'), { id: 'a', health: 'up', was: 'unknown' });
  live[0] = liveServer('a', 'production', { health: 'down', reason: 'connect refused', requests: 11 });
  t.match(await feed.next('health'), { id: 'a', health: 'down', was: 'up', reason: 'connect refused' });
  live[0] = liveServer('a', 'production', { health: 'down', reason: 'connect refused', requests: 511, active: 4 });
  // The request before may have a sample of its own.
  const { environments, servers } = await feed.next('traffic', (message) => message.servers['production']?.['a']?.[2] === 4);
  t.ok((servers['production']?.['a']?.[0] ?? 0) > 0, 'traffic by server');
  t.ok((environments['production']?.[0] ?? 0) > 0);

  await registry.leave('b', 'b-1');
  t.match(await feed.next('gone'), { id: 'b', environment: 'production' });
  const late = await reader(t, under);
  t.match(await late.next('servers'), { servers: [{ id: 'a' }] }, 'a later reader gets all servers first');
});

test('the live feed says when a listener opens or closes, of which the registry knows nothing', async (t) => {
  const under = await controlUnderTest(t, { clock: fastClock });
  await under.registry.putEnvironment('production', {});
  const feed = await reader(t, under);
  let looks = 0;
  const addressOf = under.listening.get.bind(under.listening);
  under.listening.get = (environment) => {
    looks++;
    return addressOf(environment);
  };
  await eventually(
    () => looks,
    (count) => count > 0,
    { what: 'the first look at the listener, which is told of as opened: maybe before the reader came' },
  );
  const seenAt = Date.now();
  await feed.next('traffic', ({ at }) => at > seenAt);
  under.listening.delete('production');
  t.match(await feed.next('environment'), { name: 'production' });
  under.listening.set('production', '127.0.0.1:8081');
  t.match(await feed.next('environment'), { name: 'production' });
  under.listening.set('production', '127.0.0.1:8082');
  t.match(await feed.next('environment'), { name: 'production' });
});

test('servers that did not change are not sent again', (t) => {
  t.same(atOnce(compareServers([server], [{ ...server, active: 5, requests: 9, lastSeen: 7 }], 1)), { messages: [], happenings: [] });
  t.match(atOnce(compareServers([server], [{ ...server, weight: 2 }], 1)), {
    messages: [{ type: 'membership' }],
    happenings: [{ text: 'weight 1 → 2' }],
  });
  t.match(
    atOnce(compareServers([server], [{ ...server, reason: 'slow' }], 1)).messages,
    [{ type: 'health', reason: 'slow' }],
    'a changed reason is sent',
  );
  t.end();
});

test('the feed requires the admin token; other WebSocket paths do not exist', async (t) => {
  const under = await controlUnderTest(t, { clock: fastClock });
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

test('malformed frames close only the reader that sent them', async (t) => {
  const under = await controlUnderTest(t, { clock: fastClock });
  const [bad, good] = [await reader(t, under), await reader(t, under)];
  bad.socket.send('x'.repeat(100_000));
  const [code] = await once(bad.socket, 'close');
  t.equal(code, 1009);
  t.match(await good.next('servers'), { type: 'servers' });
  const raw = await reader(t, under);
  // biome-ignore lint/suspicious/noExplicitAny: the bytes under the WebSocket
  (raw.socket as any)._socket.write(Buffer.alloc(2000, 0xff));
  await once(raw.socket, 'close');
  await under.registry.join(joinRequest('z'));
  t.match(await good.next('membership'), { server: { id: 'z' } });
});

test('closing ends readers with 1001, and by force one that does not answer', async (t) => {
  const under = await controlUnderTest(t, { clock: fastClock });
  const polite = await reader(t, under);
  const deaf = await reader(t, under);
  deaf.socket.pause();
  const gone = once(polite.socket, 'close');
  await under.control.close();
  const [code] = await gone;
  t.equal(code, 1001);
});

test('an offer to upgrade to another protocol is ignored, and the request answered', async (t) => {
  const under = await controlUnderTest(t, { clock: fastClock });
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

test('a reader that stops reading is disconnected before it takes much memory; others miss nothing', async (t) => {
  const under = await controlUnderTest(t, { clock: fastClock });
  const { registry, live } = under;
  await registry.putEnvironment('production', {});
  await registry.join(joinRequest('a', 'production'));
  live.push(liveServer('a', 'production', { health: 'down', reason: 'x'.repeat(1_000_000) }));
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
