import { connect, createServer, type Socket } from 'node:net';
import { listening } from '../tools/listening.ts';
import type { Owner } from '../tools/owner.ts';

/** Relays TCP connections to a port and simulates network faults. */
export interface Relay {
  readonly port: number;
  /** Drops all data, on open and new connections, without closing or refusing any. */
  cut(): void;
  /** Ends {@link cut}. Connections that were open are reset, as when a network comes back. */
  mend(): void;
  /** Drops all data on the connections that are open, which stay open; new connections work. */
  freeze(): void;
  /** Drops what Redis sends on the connections that have subscribed to a channel, which stay open. */
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
  const address = await listening(owner, server);
  return {
    port: Number(address.split(':')[1]),
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
