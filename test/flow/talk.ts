import { once } from 'node:events';
import { createServer } from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';
import { listening } from '../tools/listening.ts';
import type { Owner } from '../tools/owner.ts';

/** Starts a server that answers with its name, and each WebSocket message with `PATH MESSAGE`. Resolves with its address. */
export function startTalker(t: Owner, name: string): Promise<string> {
  const server = createServer((_request, response) => response.end(name));
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket, request) => socket.on('message', (data) => socket.send(`${request.url} ${data}`)));
  return listening(t, server);
}

/** Opens a WebSocket to `HOST:PORT/PATH`. `say` resolves with the answer. */
export async function talk(t: Owner, url: string): Promise<{ socket: WebSocket; say(text: string): Promise<string> }> {
  const socket = new WebSocket(`ws://${url}`);
  socket.on('error', () => {});
  t.teardown(() => socket.terminate());
  await once(socket, 'open');
  const say = async (text: string) => {
    const heard = once(socket, 'message');
    socket.send(text);
    return String((await heard)[0]);
  };
  return { socket, say };
}
