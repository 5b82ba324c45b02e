import { once } from 'node:events';
import net from 'node:net';
import { test } from 'tap';
import { lackingForDirectWrites } from '../../src/http1/connection/direct-write.ts';
import type { Receiver, SocketWire } from '../../src/http1/connection/wire.ts';
import { accept, connect } from '../../src/http1/connection/wire-socket.ts';

class Collecting implements Receiver {
  heard = '';
  octets(buffer: Buffer, start: number, end: number): void {
    this.heard += buffer.toString('latin1', start, end);
  }
  eof(): void {}
  drained(): void {}
  closed(): void {}
  crashed(error: unknown): void {
    throw error;
  }
}

test('sockets are written to directly on this Node.js, both accepted and opened ones', async (t) => {
  t.equal(lackingForDirectWrites, undefined, process.version);
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const [atClient, atServer] = [new Collecting(), new Collecting()];
  const connected = new Promise<SocketWire>((resolve) => {
    const wire = connect({ host: '127.0.0.1', port, secure: undefined }, atClient, 0, () => resolve(wire));
  });
  const [socket] = (await once(server, 'connection')) as [net.Socket];
  const accepted = accept(socket, atServer) as SocketWire;
  const opened = await connected;
  t.teardown(() => {
    for (const wire of [accepted, opened]) wire.destroy();
    server.close();
  });
  for (const wire of [accepted, opened]) {
    wire.write = () => t.fail('the stream was written to');
  }
  opened.send(Buffer.from('from the client'));
  accepted.send(Buffer.from('from the server'));
  t.equal(opened.writableLength + accepted.writableLength, 0, 'the kernel took it at once');
  while (atServer.heard.length < 15 || atClient.heard.length < 15) await new Promise(setImmediate);
  t.equal(atServer.heard, 'from the client');
  t.equal(atClient.heard, 'from the server');
});
