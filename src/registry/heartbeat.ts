import type { WebSocket } from 'ws';
import { type Clock, jittered, type Random, type Timer } from '../model/clock.ts';

const everyMs = 2000;
const timeoutMs = 2000;

/** Pings a WebSocket, and cuts it when no answer comes: a peer that hangs or vanished is noticed within 4 s. Ends with the socket. */
export function keepChecking(socket: WebSocket, clock: Clock, random: Random): void {
  let timer: Timer = { cancel: () => {} };
  const ping = () => {
    socket.ping(() => {});
    timer = clock.after(timeoutMs, () => socket.terminate());
  };
  const wait = () => {
    timer.cancel();
    timer = clock.after(jittered(everyMs, random), ping);
  };
  socket.on('pong', wait);
  socket.on('close', () => timer.cancel());
  wait();
}
