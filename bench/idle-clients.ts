import { connect, type Socket } from 'node:net';
import type { Contender, StartOptions } from './contender.ts';
import { type LoadOptions, runLoad } from './load.ts';
import { residentBytes } from './usage.ts';
import { smallAnswer, workloads } from './workloads.ts';

/** How many connect at the same time. */
const batch = 200;
const settleMs = 2000;

/** What idle clients cost a contender. */
export interface IdleCost {
  readonly clients: number;
  readonly residentBefore: number;
  readonly residentAfter: number;
}

/** Resident memory before and after `clients` have made one request each on a connection that they keep. Warmed up before. */
export async function measureIdleClients(contender: Contender, place: StartOptions, clients: number, load: LoadOptions): Promise<IdleCost> {
  const running = await contender.start(place);
  const sockets: Socket[] = [];
  try {
    await runLoad(running.port, workloads[0] as (typeof workloads)[number], load);
    await settle();
    const residentBefore = residentBytes(running.processes);
    while (sockets.length < clients) {
      const count = Math.min(batch, clients - sockets.length);
      sockets.push(...(await Promise.all(Array.from({ length: count }, () => client(running.port)))));
    }
    await settle();
    const gone = sockets.filter((socket) => socket.destroyed || socket.readableEnded).length;
    if (gone > 0) throw new Error(`${gone} of ${clients} connections were closed`);
    return { clients, residentBefore, residentAfter: residentBytes(running.processes) };
  } finally {
    for (const socket of sockets) socket.destroy();
    await running.stop();
  }
}

/** A client that has been answered once. */
function client(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ host: '127.0.0.1', port, noDelay: true }, () => socket.write('GET / HTTP/1.1\r\nHost: bench\r\n\r\n'));
    socket.setEncoding('latin1');
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('a connection was closed at once')));
    socket.on('data', (piece) => {
      text += piece;
      if (text.endsWith(smallAnswer)) resolve(socket);
    });
  });
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, settleMs));
}
