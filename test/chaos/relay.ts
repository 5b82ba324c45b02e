import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Owner } from '../flow/processes.ts';

/** Passes TCP connections on to a port, with the troubles that a network makes. */
export interface Relay {
  readonly port: number;
  /** Nothing comes through any more, on no connection, and nothing is refused either. */
  cut(): void;
  /** Ends {@link cut}. Connections that were open are reset, as a network that comes back would do. */
  mend(): void;
  /** The connections that are open stay so, and carry nothing any more in either direction; new ones do. */
  freeze(): void;
  /** Whoever has subscribed to anything hears nothing any more on that connection, which stays open. */
  deafen(): void;
}

/** One connection through a relay. */
interface Line {
  readonly near: Socket;
  readonly far: Socket;
  subscribed: boolean;
  deaf: boolean;
}

export async function startRelay(owner: Owner, port: number): Promise<Relay> {
  const lines = new Set<Line>();
  let isCut = false;
  const server = createServer((near) => {
    const line: Line = { near, far: connect({ host: '127.0.0.1', port }), subscribed: false, deaf: false };
    lines.add(line);
    near.on('data', (data) => {
      line.subscribed ||= /\bsubscribe\b/i.test(data.toString('latin1'));
      line.far.write(data);
    });
    line.far.on('data', (data) => {
      if (!line.deaf) near.write(data);
    });
    for (const socket of [near, line.far]) {
      socket.on('error', () => end(line));
      socket.on('close', () => end(line));
    }
    if (isCut) pause(line);
  });
  const end = (line: Line) => {
    lines.delete(line);
    line.near.destroy();
    line.far.destroy();
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  owner.teardown(() => {
    for (const line of lines) end(line);
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      isCut = true;
      for (const line of lines) pause(line);
    },
    mend() {
      isCut = false;
      for (const { near, far } of lines) {
        near.resetAndDestroy();
        far.resetAndDestroy();
      }
    },
    freeze() {
      for (const line of lines) pause(line);
    },
    deafen() {
      for (const line of lines) line.deaf = line.subscribed;
    },
  };
}

function pause({ near, far }: Line): void {
  near.pause();
  far.pause();
}
