import t, { type Test } from 'tap';
import { formatIdentity, type ServerIdentity } from '../../src/model/server-identity.ts';
import { introductionTo } from '../../src/proxy/server-introduction.ts';
import { passTime } from '../tools/pass-time.ts';
import { type Peer, statusOf } from './peer.ts';
import { type World, type WorldOptions, world } from './world.ts';

const registered: ServerIdentity = { id: 'a', instance: 'a-1', environment: 'production' };
const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const post = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello';
const upgrade = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n';
const agreed = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const states = (identity: ServerIdentity, status = '200 OK', more = '') =>
  `HTTP/1.1 ${status}\r\nSluice-Server: ${formatIdentity(identity)}\r\n${more}Content-Length: 6\r\n\r\n`;

/** A world whose servers must introduce themselves as `registered`. */
async function introduced(t: Test, options: WorldOptions = {}): Promise<World> {
  const w = await world(t, options);
  for (const { pool, port } of w.upstreams) pool.introduction = introductionTo(formatIdentity(registered), `127.0.0.1:${port}`);
  return w;
}

/** Takes the question of a new connection. */
async function question(server: Peer): Promise<string> {
  return (await server.message()).line;
}

/** The server says who it is, takes the request and answers it. Returns the request's method. */
async function serve(server: Peer, answer = ok): Promise<string | undefined> {
  await question(server);
  server.send(states(registered));
  const { line } = await server.message();
  server.send(answer);
  return line.split(' ')[0];
}

t.test('a new connection is asked once who it is, and then carries one request after another', async (t) => {
  const w = await introduced(t);
  const { client, server } = await w.asked(post);
  t.equal(await question(server), 'HEAD /.sluice/ready HTTP/1.1');
  t.equal(server.text, '', 'the request waits');
  const answer = states(registered);
  server.send(answer.slice(0, 40));
  server.send(answer.slice(40));
  t.match(await server.message(), { line: 'POST / HTTP/1.1', body: 'hello' });
  server.send(ok);
  t.equal(statusOf(await client.message()), 200);
  client.send(get);
  t.match(await server.message(), { line: 'GET / HTTP/1.1' });
  server.send(ok);
  t.equal(statusOf(await client.message()), 200);
  t.equal(w.server.count, 1);
});

t.test('a server that drains answers 503, but it is the one', async (t) => {
  const w = await introduced(t);
  const { client, server } = await w.asked(get);
  await question(server);
  server.send(states(registered, '503 Service Unavailable'));
  await server.message();
  server.send(ok);
  t.equal(statusOf(await client.message()), 200);
});

const impostors: Readonly<Record<string, string>> = {
  'another environment': states({ ...registered, environment: 'staging' }),
  'no environment': states({ id: 'a', instance: 'a-1' }),
  'another server': states({ ...registered, id: 'b' }),
  'another instance': states({ ...registered, instance: 'a-2' }),
  'a plain server': 'HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\n',
  'no HTTP': 'SSH-2.0-OpenSSH_9.2\r\n\r\n',
  'more than was asked for': `${states(registered)}ready\n`,
  'a connection that closes': states(registered, '200 OK', 'Connection: close\r\n'),
};

for (const [name, answer] of Object.entries(impostors)) {
  for (const [kind, request] of Object.entries({ GET: get, POST: post, upgrade })) {
    t.test(`${name} at the address gets no ${kind}: the request goes to another server`, async (t) => {
      const w = await introduced(t, { servers: 2 });
      const { client, server } = await w.asked(request);
      await question(server);
      server.send(answer);
      const other = await (w.servers[1] as World['server']).next();
      t.equal(await serve(other, kind === 'upgrade' ? agreed : ok), request.split(' ')[0]);
      t.equal(statusOf(await client.message()), kind === 'upgrade' ? 101 : 200);
      await server.closed();
      t.equal(server.text, '', 'not one octet of the request came');
      t.match(w.outcomes[0], { kind: 'connect-failed' });
    });
  }
}

t.test('without another server the client gets 502, and the outcome says who answered', async (t) => {
  const w = await introduced(t);
  const { client, server } = await w.asked(post);
  await question(server);
  server.send(states({ ...registered, environment: 'staging' }));
  t.equal(statusOf(await client.message()), 502);
  t.match(w.outcomes, [
    { kind: 'connect-failed', reason: 'not the server that registered: server "a" of environment "staging" answers at its address' },
  ]);
});

t.test('a server that accepts and says nothing is not used: a POST goes to another one after the connect timeout', async (t) => {
  const w = await introduced(t, { servers: 2, spec: { timeouts: { connect: '20s' } } });
  const { client, server } = await w.asked(post);
  await question(server);
  await passTime(20_000);
  const other = await (w.servers[1] as World['server']).next();
  await serve(other);
  t.equal(statusOf(await client.message()), 200);
  t.match(w.outcomes[0], { kind: 'connect-timeout' });
});

const endings: Readonly<Record<string, (server: Peer) => void>> = { closed: (server) => server.end(), reset: (server) => server.reset() };

for (const [name, end] of Object.entries(endings)) {
  for (const [kind, request] of Object.entries({ GET: get, POST: post, upgrade })) {
    t.test(`a new connection that is ${name} before the server says who it is costs no ${kind}: it is opened once more`, async (t) => {
      const w = await introduced(t);
      const { client, server } = await w.asked(request);
      await question(server);
      end(server);
      const again = await w.server.next();
      t.equal(await serve(again, kind === 'upgrade' ? agreed : ok), request.split(' ')[0]);
      t.equal(statusOf(await client.message()), kind === 'upgrade' ? 101 : 200);
      t.match(w.outcomes, kind === 'upgrade' ? [] : [{ kind: 'answered' }], 'nobody is to blame');
    });
  }

  t.test(`a server all of whose new connections are ${name} is to blame: the request goes to another one`, async (t) => {
    const w = await introduced(t, { servers: 2 });
    const { client, server } = await w.asked(post);
    await question(server);
    end(server);
    const again = await w.server.next();
    await question(again);
    end(again);
    const other = await (w.servers[1] as World['server']).next();
    await serve(other);
    t.equal(statusOf(await client.message()), 200);
    t.match(w.outcomes[0], { kind: 'connect-failed' });
    t.equal(w.server.count, 2);
  });
}

t.test('a client that leaves meanwhile takes the connection with it', async (t) => {
  const w = await introduced(t);
  const { client, server } = await w.asked(get);
  await question(server);
  client.reset();
  await server.closed();
  await w.quiet();
  t.equal(w.upstream.pool.open, 0);
});
