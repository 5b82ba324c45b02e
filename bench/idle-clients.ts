import { connect, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
import { pause } from '../test/tools/pause.ts';
import type { Contender, StartOptions } from './contender.ts';
import { type LoadOptions, runLoad } from './load.ts';
import { residentBytes } from './usage.ts';
import { plainWorkloads, smallAnswer, tlsWorkloads, type Workload } from './workloads.ts';

/** Number of clients that connect at the same time. */
const batch = 200;
const tlsOptions = { servername: 'localhost', rejectUnauthorized: false, secureContext: createSecureContext({ minVersion: 'TLSv1.3' }) };
/** Resident memory of a contender in bytes: after its start, after a load, and with idle clients. */
export interface IdleCost {
  readonly clients: number;
  readonly residentIdle: number;
  readonly residentBefore: number;
  readonly residentAfter: number;
}

/** Measures resident memory `rest` seconds after the start, then, after a load that warms the contender up, before and after `clients` have sent one request each and kept their connections. */
export async function measureIdleClients(
  contender: Contender,
  place: StartOptions,
  { clients, rest }: { readonly clients: number; readonly rest: number },
  load: LoadOptions,
): Promise<IdleCost> {
  const running = await contender.start(place);
  const sockets: Socket[] = [];
  try {
    const settleMs = (rest * 1000) / 3;
    await pause(rest * 1000);
    const residentIdle = residentBytes(running.processes);
    const [first] = place.certificate === undefined ? plainWorkloads : tlsWorkloads;
    await runLoad(running.port, first as Workload, load);
    await pause(settleMs);
    const residentBefore = residentBytes(running.processes);
    while (sockets.length < clients) {
      const count = Math.min(batch, clients - sockets.length);
      sockets.push(...(await Promise.all(Array.from({ length: count }, () => client(running.port, place.certificate !== undefined)))));
    }
    await pause(settleMs);
    const gone = sockets.filter((socket) => socket.destroyed || socket.readableEnded).length;
    if (gone > 0) throw new Error(`the contender closed ${gone} of ${clients} idle connections`);
    return { clients, residentIdle, residentBefore, residentAfter: residentBytes(running.processes) };
  } finally {
    for (const socket of sockets) socket.destroy();
    await running.stop();
  }
}

/** Opens a connection and resolves with it when its first request is answered. */
function client(port: number, secure: boolean): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let text = '';
    const at = { host: '127.0.0.1', port, noDelay: true };
    const ask = () => socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const socket: Socket = secure ? connectTls({ ...at, ...tlsOptions }, ask) : connect(at, ask);
    socket.setEncoding('latin1');
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('a connection was closed before its first answer')));
    socket.on('data', (piece) => {
      text += piece;
      if (text.endsWith(smallAnswer)) resolve(socket);
    });
  });
}
