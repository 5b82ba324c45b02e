import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Test, test } from 'tap';
import { listening } from '../tools/listening.ts';
import { run } from './command-line.ts';

/** Starts a server that answers with the status at the end of the path; resolves with its URL. */
async function startProbe(t: Test, asked: string[] = []): Promise<string> {
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(Number(/\d+$/.exec(request.url ?? '')?.[0] ?? 200), { location: '/200' }).end('a body');
  });
  return `http://${await listening(t, server)}`;
}

test('ready: only status 200 counts', async (t) => {
  const url = await startProbe(t);
  t.match(await run(['ready', `${url}/200`]), { status: 0, out: 'ready', err: '' });
  for (const status of [204, 302, 401, 503]) {
    const said = `error: not ready: ${url}/${status} answers with status ${status}`;
    t.match(await run(['ready', `${url}/${status}`]), { status: 1, out: '', err: said });
  }
});

test('ready: by default asks the balancer at its control address', async (t) => {
  const asked: string[] = [];
  const url = await startProbe(t, asked);
  t.match(await run(['ready'], { env: { SLUICE_CONTROL: `${url}/` } }), { status: 0 });
  t.strictSame(asked, ['/readyz']);
});

test('ready: a port without a server, and texts that are not URLs', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/readyz`;
  server.close();
  await once(server, 'close');
  t.match(await run(['ready', url]), { status: 1, err: `error: not ready: ${url} does not answer (ECONNREFUSED)` });
  for (const wrong of ['127.0.0.1:9000', 'ftp://127.0.0.1', 'http://']) {
    t.match(await run(['ready', wrong]), { status: 1, err: `error: "${wrong}" is not a URL: give http://HOST:PORT/PATH` });
  }
});
