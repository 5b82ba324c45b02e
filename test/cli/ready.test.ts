import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Test, test } from 'tap';
import { listening } from '../tools/listening.ts';
import { run } from './command-line.ts';

/** Something that answers with the status its path ends in; resolves with its URL. */
async function startProbe(t: Test, asked: string[] = []): Promise<string> {
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(Number(/\d+$/.exec(request.url ?? '')?.[0] ?? 200), { location: '/200' }).end('a body');
  });
  return `http://${await listening(t, server)}`;
}

test('ready: 200 and nothing else', async (t) => {
  const url = await startProbe(t);
  t.match(await run(['ready', `${url}/200`]), { status: 0, out: 'ready', err: '' });
  for (const status of [204, 302, 401, 503]) {
    const said = `error: not ready: ${url}/${status} answers with status ${status}`;
    t.match(await run(['ready', `${url}/${status}`]), { status: 1, out: '', err: said });
  }
});

test('ready: a balancer is asked at its control address unless told otherwise', async (t) => {
  const asked: string[] = [];
  const url = await startProbe(t, asked);
  t.match(await run(['ready'], { env: { SLUICE_CONTROL: `${url}/` } }), { status: 0 });
  t.strictSame(asked, ['/readyz']);
});

test('ready: nobody there, and what is no URL', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/readyz`;
  server.close();
  await once(server, 'close');
  t.match(await run(['ready', url]), { status: 1, err: `error: not ready: ${url} does not answer (ECONNREFUSED)` });
  for (const wrong of ['127.0.0.1:9000', 'ftp://127.0.0.1', 'http://']) {
    t.match(await run(['ready', wrong]), { status: 1, err: `error: "${wrong}" is no URL: give http://HOST:PORT/PATH` });
  }
});
