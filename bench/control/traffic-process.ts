import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TrafficMessage, TrafficOrder } from './traffic.ts';

/** Milliseconds between two requests on one path. */
const everyMs = 4;

/** Milliseconds by which the clock of the machine, which other processes read too, is ahead of that of this process. */
const clockAhead = Number(process.hrtime.bigint()) / 1e6 - performance.now();

const agent = new Agent({ keepAlive: true });
let timers: NodeJS.Timeout[] = [];
let open = 0;
let failures: string[] = [];
let unanswered = 0;
let times: Record<string, number[]> = {};
let begun: Record<string, number[]> = {};

function tell(message: TrafficMessage): void {
  process.send?.(message);
}

/** Sends one request, whatever became of those before it: a stall delays each of the requests that arrive meanwhile. */
function send(name: string, url: string): void {
  const began = performance.now();
  let late = false;
  let noted = false;
  const note = (failure?: string) => {
    if (noted) return;
    noted = true;
    open--;
    if (late || failure === undefined) {
      times[name]?.push(performance.now() - began);
      begun[name]?.push(began + clockAhead);
    } else if (failures.push(failure) > 5) failures.pop();
  };
  open++;
  const asked = request(url, { agent, timeout: 10_000 }, (answer) => {
    answer.resume();
    answer.once('end', () => note(answer.statusCode === 200 ? undefined : `${url}: ${answer.statusCode}`));
    answer.once('error', (error) => note(`${url}: ${error.message}`));
  });
  asked.on('timeout', () => {
    late = true;
    unanswered++;
    asked.destroy(new Error('no answer within 10 s'));
  });
  asked.once('error', (error) => note(`${url}: ${error.message}`));
  asked.end();
}

const target = createServer({ keepAliveTimeout: 120_000 }, (_asked, answer) => answer.end('ok')).listen(0, '127.0.0.1');
await once(target, 'listening');
process.on('message', (order: TrafficOrder) => {
  if (order.do === 'begin') {
    const none = () => Object.fromEntries(Object.keys(order.paths).map((name) => [name, []]));
    [times, begun] = [none(), none()];
    failures = [];
    unanswered = 0;
    timers = Object.entries(order.paths).map(([name, url]) => setInterval(() => send(name, url), everyMs));
  } else {
    for (const timer of timers) clearInterval(timer);
    const ended = () => (open > 0 ? setTimeout(ended, 1) : tell({ times, began: begun, failures, unanswered }));
    ended();
  }
});
process.once('disconnect', () => process.exit(0));
tell({ port: (target.address() as AddressInfo).port });
