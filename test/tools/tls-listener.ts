import { once } from 'node:events';
import net from 'node:net';
import type { Test } from 'tap';
import type { ExchangeRecord } from '../../src/access-log/contract.ts';
import { environmentSpec } from '../../src/model/environment.ts';
import { bindSocket } from '../../src/proxy/bound-socket.ts';
import type { Exchange, Handler, ListenerSettings } from '../../src/proxy/contract.ts';
import { HttpListener } from '../../src/proxy/http-listener.ts';
import { readCertificate } from '../../src/tls/certificate.ts';
import type { ListenerTls } from '../../src/tls/listener-tls.ts';
import { ticketKey } from '../../src/tls/ticket-key.ts';
import type { IssuedCertificate } from './certificate-folder.ts';

const { limits, timeouts } = environmentSpec.parse({});

/** Settings of a listener with these certificates. */
export function settings(
  certificates: readonly IssuedCertificate[],
  more: Partial<ListenerSettings> = {},
  tlsMore: Partial<ListenerTls> = {},
): ListenerSettings {
  return {
    headerBytes: limits.headerBytes,
    bodyRate: limits.bodyRate,
    timeouts,
    trustedProxies: [],
    tls: {
      certificates: certificates.map((files) => readCertificate(files, '/', Date.now())),
      minVersion: '1.2',
      environments: [{ name: 'here', hosts: [], ticketKey: ticketKey(Buffer.alloc(32, 1), 'here') }],
      ...tlsMore,
    },
    ...more,
  };
}

/** Answers with the path, and echoes bodies only by their length. */
const echo: Handler = {
  request: (exchange: Exchange) => exchange.respond(200, { 'x-host': exchange.request.authority }, exchange.request.path),
  fault: (error) => {
    throw error;
  },
};

/** Opens a listener in this process until the test ends. */
export async function open(t: Test, given: ListenerSettings, handler: Handler = echo) {
  const records: ExchangeRecord[] = [];
  const listener = new HttpListener('127.0.0.1:0', given, handler, (record) => void records.push(record));
  await listener.open((await bindSocket('127.0.0.1:0')).handle);
  t.teardown(() => listener.close(0));
  return { listener, records, port: Number(listener.address.split(':')[1]) };
}

/** Two ends of one connection. */
export async function pair(t: Test): Promise<[net.Socket, net.Socket]> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [net.Socket];
  t.teardown(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return [near, far];
}
