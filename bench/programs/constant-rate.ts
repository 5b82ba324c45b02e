// node --import=tsx constant-rate.ts PORT RATE SECONDS
// Sends GET / at a constant rate, however long the answers take, and tells how long after its time each request was answered: a request that has to
// wait for a free connection waits in the figures too. The first second only warms up.
import { connect } from 'node:net';
import { setPriority } from 'node:os';
import { octetsRead, writeDirectly } from '../../src/http1/connection/direct-write.ts';
import { handleOf, startReading, type TcpHandle, takeHandle } from '../../src/http1/connection/tls-internals.ts';
import { smallAnswer } from '../workloads.ts';

/** A kept-alive connection, on its handle alone: what a request costs here delays the next ones. */
type Connection = TcpHandle & { request: number; begun: boolean };

const connections = 64;
const warmUpSeconds = 1;
const [port = 0, rate = 0, seconds = 0] = process.argv.slice(2).map(Number);
const request = Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
const lastOctet = smallAnswer.charCodeAt(smallAnswer.length - 1);
const digit2 = 0x32;
const buffer = Buffer.allocUnsafeSlow(65_536);
const total = Math.round(rate * (warmUpSeconds + seconds));
/** Milliseconds from the time of each request until it was sent, and until it was answered. */
const late = new Float64Array(total);
const latencies = new Float64Array(total);
const idle: Connection[] = [];
let begun = 0;
let sent = 0;
let answers = 0;

for (let count = 0; count < connections; count++) idle.push(await open());
// The upstreams share the processor with this process, which never sleeps: they go first.
setPriority(19);
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

function timeOf(index: number): number {
  return begun + (index * 1000) / rate;
}

/** Sleeping would be too coarse: a timer of Node.js has milliseconds, in which dozens of requests are due. */
function turn(): void {
  send(performance.now());
  if (answers < total) setImmediate(turn);
  else end();
}

function send(now: number): void {
  while (sent < total && idle.length > 0 && timeOf(sent) <= now) {
    const connection = idle.pop() as Connection;
    connection.request = sent;
    connection.begun = false;
    late[sent] = now - timeOf(sent++);
    if (writeDirectly(connection, request) !== 0) fail('a request could not be written at once');
  }
}

function read(this: Connection): void {
  const count = octetsRead();
  if (count <= 0) fail('a connection was closed');
  if (!this.begun && buffer[9] !== digit2) fail(`not the answer: ${buffer.toString('latin1', 0, 100)}`);
  this.begun = true;
  if (buffer[count - 1] !== lastOctet) return;
  const now = performance.now();
  latencies[this.request] = now - timeOf(this.request);
  answers++;
  idle.push(this);
  send(now);
}

function end(): void {
  const from = Math.round(rate * warmUpSeconds);
  const counted = latencies.subarray(from).sort();
  const delays = late.subarray(from).sort();
  const quantile = (sorted: Float64Array, part: number) => sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)];
  const found = { p50: quantile(counted, 0.5), p99: quantile(counted, 0.99), late: quantile(delays, 0.99) };
  console.log(JSON.stringify({ requests: counted.length, ...found }));
  process.exit(0);
}

function fail(reason: string): never {
  console.log(reason);
  process.exit(1);
}
