import type { WebSocket } from 'ws';
import { type Clock, jittered, type Random, type Timer } from '../../model/clock.ts';

const everyMs = 2000;
const timeoutMs = 2000;

/**
 * Pings a WebSocket on which nothing was received for about 2 s, and terminates it if no answer comes within 2 s: a peer that hangs or
 * vanished is detected within 4.2 s. A ping that is received counts as a sign of life, so that only one of two ends pings.
 * Ends with the socket.
 */
export function startHeartbeat(socket: WebSocket, clock: Clock, random: Random): void {
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
