// node --import=tsx constant-rate.ts PORT RATE SECONDS
// Sends GET / at a constant rate, however long the answers take, and tells how long after its time each request was answered: a request that has to
// wait for a free connection waits in the figures too. The first second only warms up.
import { connect } from 'node:net';
import { octetsRead, writeDirectly } from '../../src/http1/connection/direct-write.ts';
import { handleOf, startReading, type TcpHandle, takeHandle } from '../../src/http1/connection/tls-internals.ts';
import { DueRequests } from '../due-requests.ts';
import { smallAnswer } from '../workloads.ts';

/** A kept-alive connection, on its handle alone: what a request costs here delays the next ones. */
type Connection = TcpHandle & { request: number; begun: boolean };

const connections = 64;
const warmUpSeconds = 1;
/** Longest sleep, in milliseconds: an answer that comes meanwhile is only seen afterwards. */
const longestSleep = 0.05;
const [port = 0, rate = 0, seconds = 0] = process.argv.slice(2).map(Number);
const request = Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
const lastOctet = smallAnswer.charCodeAt(smallAnswer.length - 1);
const digit2 = 0x32;
const buffer = Buffer.allocUnsafeSlow(65_536);
const requests = new DueRequests(rate, Math.round(rate * (warmUpSeconds + seconds)));
/** Nobody ever wakes this process here before the time is over. */
const bed = new Int32Array(new SharedArrayBuffer(4));
const idle: Connection[] = [];
let begun = 0;

for (let count = 0; count < connections; count++) idle.push(await open());
begun = performance.now();
turn();

async function open(): Promise<Connection> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const found = handleOf(socket);
  if (found === undefined) throw new Error('this Node.js does not let a program read its handles');
  const handle = takeHandle(socket, found);
  handle.useUserBuffer(buffer);
  handle.onread = read;
  startReading(handle);
  return Object.assign(handle, { request: 0, begun: false });
}

function time(): number {
  return performance.now() - begun;
}

function turn(): void {
  send(time());
  if (requests.allAnswered) end();
  sleep(requests.nextAt - time());
  setImmediate(turn);
}

/**
 * Leaves the processor until the next request is due. A timer of Node.js would be too coarse: it has milliseconds, in which dozens of requests are due. A load
 * that never slept would keep the upstreams, which are on the same processor, from answering: with a real-time priority for ever, with the lowest usual one
 * still for up to a slice of the scheduler, of more than a millisecond.
 */
function sleep(milliseconds: number): void {
  const most = idle.length > 0 ? Math.min(milliseconds, longestSleep) : longestSleep;
  if (most > 0) Atomics.wait(bed, 0, 0, most);
}

function send(now: number): void {
  while (idle.length > 0 && requests.nextAt <= now) {
    const connection = idle.pop() as Connection;
    connection.request = requests.send(now);
    connection.begun = false;
    if (writeDirectly(connection, request) !== 0) fail('a request could not be written at once');
  }
}

function read(this: Connection): void {
  const count = octetsRead();
  if (count <= 0) fail('a connection was closed');
  if (!this.begun && buffer[9] !== digit2) fail(`not the answer: ${buffer.toString('latin1', 0, 100)}`);
  this.begun = true;
  if (buffer[count - 1] !== lastOctet) return;
  const now = time();
  requests.answer(this.request, now);
  if (idle.length === 0) requests.free(now);
  idle.push(this);
  send(now);
}

function end(): never {
  console.log(JSON.stringify(requests.figures(Math.round(rate * warmUpSeconds))));
  process.exit(0);
}

function fail(reason: string): never {
  console.log(reason);
  process.exit(1);
}
