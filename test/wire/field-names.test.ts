import t, { type Test } from 'tap';
import { statusOf } from './peer.ts';
import { type WorldOptions, world } from './world.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

/** Spellings that CGI and WSGI read as `X-Internal-User`: they turn each character but letters and digits into one underscore. */
const spellings = [
  ...['X_Internal_User', 'x_internal-user', 'X-Internal_User', 'X.Internal.User', "X!Internal'User", 'X~Internal|User'],
  ...['X+Internal*User', '_Other', 'Other_', 'a_b', 'X-Internal.User', 'X%Internal#User', 'X^Internal`User', 'X&Internal$User'],
];
/** Spellings of fields that Sluice writes or reads itself. */
const own = [
  'X_Forwarded_For',
  'X_Forwarded-Proto',
  'x_forwarded_host',
  'X_Request_Id',
  'Content_Length',
  'Transfer_Encoding',
  'X.Forwarded.For',
];

/** Sends a request with these lines; returns the lines that the server gets, or the status of the refusal. */
async function sent(t: Test, lines: string, options: WorldOptions = {}): Promise<readonly string[] | number> {
  const w = await world(t, options);
  const client = await w.client();
  client.send(`GET /x HTTP/1.1\r\nHost: a\r\nB-First: 1\r\n${lines}A-Last: 2\r\nConnection: close\r\n\r\n`);
  const answer = client.message();
  const server = await Promise.race([w.server.next(), answer.then(() => undefined)]);
  if (server === undefined) return statusOf(await answer);
  const { raw } = await server.message();
  server.send(ok);
  await answer;
  return raw.split('\r\n');
}

t.test('fields whose names CGI and WSGI confuse with others are dropped; the rest passes unchanged', async (t) => {
  for (const name of [...spellings, ...own, 'Proxy', 'PROXY']) {
    const lines = await sent(t, `${name}: evil\r\n`);
    t.ok(Array.isArray(lines), name);
    t.notOk(
      (lines as string[]).some((line) => line.includes('evil')),
      name,
    );
    t.strictSame((lines as string[]).slice(1, 4), ['Host: a', 'B-First: 1', 'A-Last: 2'], name);
  }
});

t.test('several of them between others, and as many as there may be', async (t) => {
  const lines = (await sent(t, `${spellings.map((name, index) => `${name}: evil\r\nC-${index}: kept\r\n`).join('')}`)) as string[];
  t.equal(lines.filter((line) => line.includes('kept')).length, spellings.length);
  t.notOk(lines.some((line) => line.includes('evil')));
});

t.test('reject answers 400, keep passes them, but never another spelling of a field that Sluice writes', async (t) => {
  for (const name of spellings) {
    t.equal(await sent(t, `${name}: evil\r\n`, { spec: { underscores: 'reject' } }), 400, name);
    const kept = await sent(t, `${name}: fine\r\n`, { spec: { underscores: 'keep' } });
    t.ok((kept as string[]).includes(`${name}: fine`), name);
  }
  for (const name of [...own, 'Proxy', 'Proxy_Connection']) {
    const kept = await sent(t, `${name}: evil\r\n`, { spec: { underscores: 'keep' } });
    t.notOk(
      (kept as string[]).some((line) => line.includes('evil')),
      name,
    );
  }
});

t.test('a name that a policy removes or sets covers its other spellings, also where they are kept', async (t) => {
  const policy = (edit: 'remove' | 'set', name: string): WorldOptions => ({
    spec: { underscores: 'keep' },
    edit: ({ headers }) => (edit === 'remove' ? headers.remove(name) : headers.set(name, 'mine')),
  });
  for (const given of ['X-Internal-User', 'X_Internal_User', 'x.internal.user', 'X-INTERNAL_user']) {
    for (const named of ['X-Internal-User', 'X_Internal_User']) {
      const removed = (await sent(t, `${given}: evil\r\n`, policy('remove', named))) as string[];
      t.notOk(
        removed.some((line) => line.includes('evil')),
        `${given} is removed as ${named}`,
      );
      const set = (await sent(t, `${given}: evil\r\n`, policy('set', named))) as string[];
      t.strictSame(
        set.filter((line) => /evil|mine/.test(line)),
        [`${named}: mine`],
        `${given} is replaced by ${named}`,
      );
    }
  }
});

/** Sends a chunked request with these trailer lines; returns the trailer section that the server gets, or the status of the refusal. */
async function trailed(t: Test, lines: string, options: WorldOptions = {}): Promise<string | number> {
  const w = await world(t, options);
  const client = await w.client();
  client.send(`POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\na\r\n0\r\n${lines}\r\n`);
  const answer = client.message();
  const server = await Promise.race([w.server.next(), answer.then(() => undefined)]);
  if (server === undefined || options.spec?.underscores === 'reject') return statusOf(await answer);
  const { trailers } = await server.message();
  server.send(ok);
  await answer;
  return trailers;
}

t.test('the same holds for trailer fields of requests', async (t) => {
  for (const name of spellings) {
    t.equal(await trailed(t, `A: 1\r\n${name}: evil\r\nB: 2\r\n`), 'A: 1\r\nB: 2\r\n', name);
    t.equal(await trailed(t, `${name}: fine\r\n`, { spec: { underscores: 'keep' } }), `${name}: fine\r\n`);
    t.equal(await trailed(t, `A: 1\r\n${name}: evil\r\n`, { spec: { underscores: 'reject' } }), 400);
  }
  for (const name of own) t.equal(await trailed(t, `A: 1\r\n${name}: evil\r\n`, { spec: { underscores: 'keep' } }), 'A: 1\r\n', name);
});

t.test('fields that policies remove or set are removed from trailers of requests', async (t) => {
  const edit: WorldOptions['edit'] = ({ headers }) => {
    headers.remove('X-Internal-User');
    headers.set('X-Set', 'mine');
    headers.add('X-Added', 'mine');
  };
  const lines = 'X-Internal-USER: evil\r\nX-Kept: 1\r\nx-set: evil\r\nX-Added: 2\r\n';
  t.equal(await trailed(t, lines, { edit }), 'X-Kept: 1\r\nX-Added: 2\r\n');
  t.equal(await trailed(t, 'X_Internal_User: evil\r\nX-Kept: 1\r\n', { edit, spec: { underscores: 'keep' } }), 'X-Kept: 1\r\n');
});

t.test('fields that policies remove or set are removed from trailers of responses', async (t) => {
  const w = await world(t, {
    route: {
      respond: ({ response: { headers } }) => {
        headers.remove('X-Secret');
        headers.set('X-Set', 'mine');
      },
    },
  });
  for (const [lines, kept] of [
    ['X-Secret: evil\r\nX-Kept: 1\r\nX-SET: evil\r\n', 'X-Kept: 1\r\n'],
    ['X-Kept: 1\r\n', 'X-Kept: 1\r\n'],
  ] as const) {
    const { client, server } = await w.asked('GET /x HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE, close\r\n\r\n');
    await server.message();
    server.send(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\na\r\n0\r\n${lines}\r\n`);
    server.end();
    const text = await client.rest();
    t.ok(text.endsWith(`0\r\n${kept}\r\n`), text);
    t.match(text, /X-Set: mine/);
  }
});
