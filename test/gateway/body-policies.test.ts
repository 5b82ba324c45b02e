import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer, text } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { Condition } from '../tools/condition.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { served } from './served.ts';

t.test('bodies are changed in both directions, then compressed, and what is too large is refused', async (t) => {
  const project = {
    policies: {
      proxyRequest: [{ bodyLimit: { bytes: 100 } }, { transform: { json: { rename: { '/name': '/title' } }, maxBytes: 50 } }],
      targetResponse: [{ transform: { json: { remove: ['/secret'] }, maxBytes: 5000 } }],
      proxyResponse: [{ compress: { minBytes: 0 } }],
    },
  };
  const gateway = await served(t, project as never, async (request, response) => {
    const body = await text(request);
    response.setHeader('Content-Type', 'application/json');
    response.end(request.url === '/large' ? JSON.stringify({ a: 'x'.repeat(6000) }) : JSON.stringify({ got: body, secret: 1 }));
  });
  const headers = { 'content-type': 'application/json' };
  const plain = await gateway.ask('/', headers, 'POST', '{"name":"rex"}');
  t.match(
    [plain.status, JSON.parse(plain.body), plain.headers['content-length']],
    [200, { got: '{"title":"rex"}' }, String(plain.body.length)],
  );
  t.notOk('secret' in JSON.parse(plain.body));
  const packed = await gateway.raw('/', { 'accept-encoding': 'gzip' });
  t.match(packed.headers, { 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
  t.same(JSON.parse(gunzipSync(packed.body).toString()), { got: '' });
  const refused = await gateway.ask('/', headers, 'POST', JSON.stringify({ name: 'x'.repeat(60) }));
  t.match([refused.status, JSON.parse(refused.body)], [413, { code: 'body-too-large' }]);
  t.equal((await gateway.ask('/', { 'content-type': 'text/plain' }, 'POST', 'x'.repeat(101))).status, 413);
  t.equal((await gateway.ask('/', { 'content-type': 'text/plain' }, 'POST', 'x'.repeat(99))).status, 200);
  t.match([(await gateway.ask('/large')).status], [502]);
});

t.test('a mirrored request reaches the other target, which neither delays nor fails it', async (t) => {
  const arrived = new Condition();
  const copies: { request: IncomingMessage; response: ServerResponse }[] = [];
  const shadow = await served(t, {}, (request, response) => {
    copies.push({ request, response });
    arrived.notify();
  });
  const targets = { shadow: { url: `http://${shadow.address}/below` } };
  const policies = { proxyRequest: [{ mirror: { target: 'shadow' } }], targetRequest: [{ headers: { set: { 'x-key': 'k' } } }] };
  const gateway = await served(t, { targets, policies } as never, (request, response) => response.end(request.headers['x-key']), {
    clock: new FakeClock(),
  });
  t.match(await gateway.ask('/a?b', { 'x-own': 'mine' }), { status: 200, body: 'k' });
  await arrived.until(() => (copies.length === 1 ? true : undefined), { what: 'a copy', seen: () => copies.length });
  t.match(copies[0]?.request, { method: 'GET', url: '/below/a?b', headers: { 'x-own': 'mine', 'x-key': 'k' } });
  t.equal((await gateway.ask('/c', {}, 'POST', 'body')).status, 200);
  copies[0]?.response.destroy();
  t.equal((await gateway.ask('/d')).status, 200);
  await arrived.until(() => (copies.length === 2 ? true : undefined), { what: 'a copy', seen: () => copies.length });
  t.match(copies[1]?.request, { url: '/below/d' });
  copies[1]?.response.end('discarded');
  t.same(
    gateway.lines.filter(({ level }) => Number(level) >= 50),
    [],
  );
});

t.test('a mirrored request has its body, up to a bound', async (t) => {
  const arrived = new Condition();
  const copies: string[] = [];
  const shadow = await served(t, {}, (request, response) => {
    void buffer(request).then((body) => {
      const { method, headers } = request;
      copies.push(`${method} ${headers['content-type']} ${headers['content-length']} ${body}`);
      arrived.notify();
      response.end();
    });
  });
  const targets = { shadow: { url: `http://${shadow.address}` } };
  const policies = { proxyRequest: [{ mirror: { target: 'shadow', methods: ['GET', 'POST'], maxBody: 100_000 } }] };
  const gateway = await served(t, { targets, policies } as never, async (request, response) => {
    response.end(`${(await buffer(request)).length}`);
  });
  const until = (count: number) => arrived.until(() => copies.length === count, { what: 'a copy', seen: () => copies.length });
  const text = { 'content-type': 'text/plain' };
  t.match(await gateway.ask('/', text, 'POST', 'short'), { status: 200, body: '5' });
  await until(1);
  t.match(await gateway.ask('/', text, 'POST', 'x'.repeat(100_001)), { status: 200, body: '100001' });
  t.match(await gateway.ask('/', { ...text, 'transfer-encoding': 'chunked' }, 'POST', 'y'.repeat(90_000)), { status: 200, body: '90000' });
  await until(2);
  t.match(await gateway.ask('/', text, 'POST'), { status: 200, body: '0' });
  await until(3);
  t.equal((await gateway.ask('/')).status, 200);
  await until(4);
  t.same(copies, [
    'POST text/plain 5 short',
    `POST text/plain 90000 ${'y'.repeat(90_000)}`,
    'POST text/plain 0 ',
    'GET undefined undefined ',
  ]);
});

t.test('a project whose mirror has no target is refused', async (t) => {
  const project = { policies: { proxyRequest: [{ mirror: { target: 'shadow' } }] } };
  await t.rejects(
    served(t, project as never, () => {}),
    { message: /mirror\.target: the project has no target "shadow"; known: default/ },
  );
});
