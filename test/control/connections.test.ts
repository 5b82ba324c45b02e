import { EventEmitter, once } from 'node:events';
import https from 'node:https';
import { Socket } from 'node:net';
import { test } from 'tap';
import { Connections, maxStrangers } from '../../src/control/connections.ts';
import { FakeClock } from '../tools/fake-clock.ts';

/** A connection from an address, without a network. */
function socketFrom(remoteAddress: string): Socket {
  return Object.defineProperty(new Socket(), 'remoteAddress', { value: remoteAddress });
}

/** A connection from an address arrives at a server. */
function arriveAt(server: EventEmitter, address: string): Socket {
  const socket = socketFrom(address);
  server.emit('connection', socket);
  return socket;
}

test('connections without a right token are limited for each address and in all; admitted ones do not count', async (t) => {
  const server = new EventEmitter();
  const refused: string[] = [];
  const connections = new Connections(server as never, new FakeClock(), (address) => refused.push(address));
  const arrive = (address: string) => arriveAt(server, address);
  const first = Array.from({ length: maxStrangers.perAddress }, () => arrive('10.0.0.1'));
  t.ok(first.every(({ destroyed }) => !destroyed));
  t.ok(arrive('::ffff:10.0.0.1').destroyed, 'one too many of an address');
  connections.admit(first[0] as Socket);
  t.notOk(arrive('10.0.0.1').destroyed, 'an admitted one makes room');
  first[1]?.destroy();
  await once(first[1] as Socket, 'close');
  t.notOk(arrive('10.0.0.1').destroyed, 'and one that ended');
  for (let count = maxStrangers.perAddress; count < maxStrangers.all; count++) arrive(`10.1.${count >> 8}.${count & 255}`);
  t.ok(arrive('10.2.0.1').destroyed, 'one too many in all');
  t.same(refused, ['10.0.0.1', '10.2.0.1']);
});

test('handshakes under way count too', async (t) => {
  const server = https.createServer();
  const refused: string[] = [];
  new Connections(server, new FakeClock(), (address) => refused.push(address));
  const arrive = (address: string) => arriveAt(server, address);
  const first = Array.from({ length: maxStrangers.perAddress }, () => arrive('10.0.0.1'));
  t.ok(first.every(({ destroyed }) => !destroyed));
  t.ok(arrive('10.0.0.1').destroyed, 'one too many of an address');
  t.notOk(arrive('10.0.0.2').destroyed, 'but others get in');
  t.same(refused, ['10.0.0.1']);
});
