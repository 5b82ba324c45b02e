import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import http from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Upstream } from '../../src/proxy/upstream.ts';
import { freePort } from '../tools/free-port.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { untilListening } from '../tools/until-listening.ts';
import { world } from './world.ts';

/** Starts HAProxy, and waits until it listens on `ports`. */
async function haproxy(t: Test, configuration: string, ports: readonly number[]): Promise<void> {
  const file = join(ownFolder(t), 'haproxy.cfg');
  await writeFile(file, configuration);
  const process = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'inherit', 'inherit'] });
  t.teardown(async () => {
    if (process.exitCode !== null || process.signalCode !== null) return;
    const ended = once(process, 'exit');
    process.kill('SIGKILL');
    await ended;
  });
  await untilListening(...ports);
}

for (const version of ['v1', 'v2'] as const) {
  const send = version === 'v1' ? 'send-proxy' : 'send-proxy-v2';
  t.test(`the client's address passes from HAProxy (${send}) to HAProxy (accept-proxy)`, async (t) => {
    const [front, back] = [await freePort(), await freePort()];
    const w = await world(t, {
      listener: { proxyProtocol: ['127.0.0.1'] },
      route: { pick: (_exchange, tried) => (tried.length === 0 ? upstream : undefined) },
    });
    const upstream = new Upstream({ id: 'haproxy', host: '127.0.0.1', port: back, proxyProtocol: version });
    upstream.pool.idleMs = 0;
    await haproxy(
      t,
      `defaults
  timeout connect 5s
  timeout client 5s
  timeout server 5s
listen front
  mode tcp
  bind 127.0.0.1:${front}
  server sluice ${w.listener.address} ${send}
frontend back
  mode http
  bind 127.0.0.1:${back} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src]:%[src_port] %[req.hdr(x-forwarded-for)]"
`,
      [front, back],
    );
    for (const localAddress of ['127.0.0.5', '127.0.0.6']) {
      const request = http.get({ host: '127.0.0.1', port: front, localAddress, agent: false });
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      const { localPort } = response.socket;
      const body = (await response.setEncoding('utf8').toArray()).join('');
      t.equal(body, `${localAddress}:${localPort} ${localAddress}`);
    }
  });
}
