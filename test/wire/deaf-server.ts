import { once } from 'node:events';
import net from 'node:net';
import { Worker } from 'node:worker_threads';
import type { Test } from 'tap';

/** Listens with the shortest possible queue, reports its port, and never accepts a connection. */
const program = `
const { parentPort } = require('node:worker_threads');
const server = require('node:net').createServer().listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
  parentPort.postMessage(server.address().port);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});`;

/**
 * Returns a port of this machine that is open but does not respond to attempts to connect, like that of a server that hangs: its queue is
 * full, so that the system drops further attempts.
 */
export async function deafServer(t: Test): Promise<number> {
  const worker = new Worker(program, { eval: true });
  const queue: net.Socket[] = [];
  t.teardown(async () => {
    for (const socket of queue) socket.destroy();
    await worker.terminate();
  });
  const [port] = (await once(worker, 'message')) as [number];
  // In Linux a queue of n takes n + 1 connections.
  for (let place = 0; place < 2; place++) {
    const socket = net.connect({ host: '127.0.0.1', port });
    queue.push(socket);
    await once(socket, 'connect');
  }
  return port;
}
