import type { WebSocket } from 'ws';
import { type Clock, jittered, type Random, type Timer } from '../../model/clock.ts';

const everyMs = 2000;
const timeoutMs = 2000;

/**
 * Pings a WebSocket on which nothing was heard for a while, and cuts it when no answer comes: a peer that hangs or vanished is
 * noticed within 4.2 s. If both ends do so, the one whose turn comes first spares the other its ping. Ends with the socket.
 */
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
  for (const heard of ['pong', 'ping', 'message'] as const) socket.on(heard, wait);
  socket.on('close', () => timer.cancel());
  wait();
}
