import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { test } from 'tap';
import { proxyHeader } from '../../src/model/proxy-protocol.ts';
import { parseProxyHeader } from '../../src/proxy/proxy-header.ts';
import { eventually } from '../tools/eventually.ts';
import { freePort } from '../tools/free-port.ts';
import type { Owner } from '../tools/owner.ts';
import { operate, startBalancer } from '../tools/sluice-under-test.ts';

/** A server that expects headers of the PROXY protocol, and answers with the client that they name; `checks` counts those that name none. */
async function startExpecting(owner: Owner): Promise<{ address: string; seen: { checks: number } }> {
  const seen = { checks: 0 };
  const server = net.createServer((socket) => {
    let held = Buffer.alloc(0);
    socket
      .on('error', () => {})
      .on('data', (piece: Buffer) => {
        held = Buffer.concat([held, piece]);
        if (!held.includes('\r\n\r\n')) return;
        const header = parseProxyHeader(held);
        if (header === 'incomplete' || 'fault' in header) return void socket.destroy();
        if (header.ends === undefined) seen.checks++;
        const body = header.ends?.source ?? 'nobody';
        socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  owner.teardown(() => void server.close());
  return { address: `127.0.0.1:${(server.address() as net.AddressInfo).port}`, seen };
}

/** The answer to these octets, from their first line to the end. */
async function send(port: number, octets: string | Buffer): Promise<string> {
  const socket = net.connect({ host: '::1', port });
  socket.end(octets);
  let said = '';
  for await (const piece of socket) said += piece;
  return said;
}

for (const workers of [0, 1]) {
  test(`IPv6 senders name IPv6 clients, checks name none, and the list can change (workers: ${workers})`, async (t) => {
    const expecting = await startExpecting(t);
    const port = await freePort();
    const production = {
      listen: `[::1]:${port}`,
      proxyProtocol: ['::1'],
      health: { path: '/', interval: '1s' },
      servers: [{ id: 'one', address: expecting.address, proxyProtocol: 'v2' }],
    };
    const balancer = await startBalancer(t, { workers }, { production });
    const ends = { source: '2001:db8::7', sourcePort: 4711, destination: '2001:db8::1', destinationPort: 80 };
    const request = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
    const named = Buffer.concat([proxyHeader('v2', ends), Buffer.from(request)]);
    await eventually(
      () => send(port, named),
      (said) => said.startsWith('HTTP/1.1 200 ') && said.endsWith('\r\n2001:db8::7'),
      { what: 'the client to be named to the server' },
    );
    t.ok(expecting.seen.checks > 0, 'a health check is a connection of the balancer itself');
    for (let times = 0; times < 3; times++) t.match(await send(port, request), /^HTTP\/1\.1 400 .*bad-proxy-header/s);
    await balancer.process.logged(
      (line) => /in proxyProtocol were refused.*send-proxy-v2/.test(String(line.msg)) && line['sender'] === '::1' && line['refused'] === 1,
    );
    t.equal(balancer.process.log.filter(({ msg }) => /in proxyProtocol were refused/.test(String(msg))).length, 1, 'one line');
    const status = await eventually(
      () => operate(t, balancer, 'status'),
      ({ out }) => /3 connections from addresses in proxyProtocol/.test(out),
      { what: 'the refused connections in the status' },
    );
    t.match(status.out, /\[::1\]:\d+ PROXY/);
    t.match(status.out, new RegExp(`${expecting.address} PROXY v2`));

    const reload = async (list: string[]) => {
      const environments = { production: { ...production, proxyProtocol: list } };
      writeFileSync(join(balancer.folder, 'sluice.json'), JSON.stringify({ control: { listen: '127.0.0.1:0' }, workers, environments }));
      balancer.process.signal('SIGHUP');
    };
    await reload([]);
    await eventually(
      () => send(port, request),
      (said) => said.endsWith('\r\n::1'),
      { what: 'connections without a header to be served' },
    );
    t.match(await send(port, named), /^HTTP\/1\.1 400 /, 'the header is believed no more');
    await reload(['2001:db8::/32', '::/64']);
    await eventually(
      () => send(port, named),
      (said) => said.endsWith('\r\n2001:db8::7'),
      { what: 'a listed network to be believed' },
    );
  });
}
