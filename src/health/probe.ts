import { connect, type Socket } from 'node:net';
import type { Clock } from '../model/clock.ts';
import { parseAddress } from '../model/quantity.ts';
import { statusIn } from './answer.ts';

/** Why a check failed, told apart because the remedies differ. */
export type ProbeFailure =
  /** Nobody listens there. */
  | 'refused'
  /** The host cannot be reached or its name not be resolved. */
  | 'unreachable'
  /** The connection was not accepted in time: host down, or packets dropped. */
  | 'connect-timeout'
  /** It accepted and then said nothing. */
  | 'hung'
  /** It accepted and closed or reset the connection. */
  | 'reset'
  /** It said something that is no HTTP. */
  | 'bad-response'
  /** It answered, but not with a status that was expected. */
  | 'status';

export type ProbeResult =
  | { readonly passed: true; readonly status?: number }
  /** `reason`: for people, for example `timed out after 1000 ms: connected, but no answer`. */
  | { readonly passed: false; readonly failure: ProbeFailure; readonly reason: string };

/** One question to one server. */
export interface Probe {
  /** `HOST:PORT`. */
  readonly address: string;
  /** Asked for by GET; empty: being able to connect is enough. */
  readonly path: string;
  /** Milliseconds for all of it. */
  readonly timeout: number;
  /** Statuses that mean well, for example `200-399` or `200,204`. */
  readonly expect: string;
}

/** Asks once, on a connection of its own, and tells `done` once. The function returned gives up silently. */
export function probe(question: Probe, clock: Clock, done: (result: ProbeResult) => void): () => void {
  let connected = false;
  let settled = false;
  const finish = (result: ProbeResult | undefined): void => {
    if (settled) return;
    settled = true;
    timer.cancel();
    if (result !== undefined) done(result);
  };
  const timer = clock.after(question.timeout, () => {
    const limit = `timed out after ${question.timeout} ms`;
    finish(
      connected
        ? { passed: false, failure: 'hung', reason: `${limit}: connected, but no answer` }
        : { passed: false, failure: 'connect-timeout', reason: `${limit}: no connection` },
    );
    stop();
  });
  const events = {
    connected: () => {
      connected = true;
    },
    passed: (status?: number) => finish(status === undefined ? { passed: true } : { passed: true, status }),
    failed: (error: NodeJS.ErrnoException) => finish(failure(error, connected)),
    malformed: () => finish({ passed: false, failure: 'bad-response', reason: 'answered with something that is no HTTP/1' }),
    unexpected: (status: number) =>
      finish({ passed: false, failure: 'status', reason: `answered with status ${status}, expected ${question.expect}` }),
  };
  const stop = begin(question, events);
  return () => {
    finish(undefined);
    stop();
  };
}

interface ProbeEvents {
  connected(): void;
  passed(status?: number): void;
  failed(error: Error): void;
  unexpected(status: number): void;
  malformed(): void;
}

/** Starts it; what cannot even be tried has failed like everything else: later, and told as a result. */
function begin(question: Probe, events: ProbeEvents): () => void {
  try {
    return question.path === '' ? probeTcp(question, events) : probeHttp(question, events);
  } catch (error) {
    queueMicrotask(() => events.failed(error as Error));
    return () => {};
  }
}

function probeTcp({ address }: Probe, events: ProbeEvents): () => void {
  const socket: Socket = connect(parseAddress(address));
  socket.on('error', events.failed);
  socket.on('connect', () => {
    events.passed();
    socket.destroy();
  });
  return () => socket.destroy();
}

/** By hand rather than by Node's client: with a thousand servers, checks are most of what a balancer does at rest. */
function probeHttp({ address, path, expect }: Probe, events: ProbeEvents): () => void {
  if (!/^\/[\x21-\x7e]*$/.test(path)) throw new Error(`the path ${JSON.stringify(path)} cannot be asked for`);
  const socket = connect(parseAddress(address));
  let text = '';
  socket.setEncoding('latin1');
  socket.on('connect', events.connected);
  socket.on('error', events.failed);
  socket.on('end', () => events.failed(new Error('no complete response head')));
  socket.on('data', (more: string) => {
    text += more;
    const status = statusIn(text);
    if (status === undefined) return;
    if (status === 'malformed') events.malformed();
    else if (expects(expect, status)) events.passed(status);
    else events.unexpected(status);
    // The head says it all; a body without end must not keep the connection.
    socket.destroy();
  });
  socket.write(`GET ${path} HTTP/1.1\r\nhost: ${address}\r\nuser-agent: sluice-health\r\nconnection: close\r\n\r\n`);
  return () => socket.destroy();
}

function failure(error: NodeJS.ErrnoException, connected: boolean): ProbeResult {
  const told = error.code ?? error.message;
  if (connected) return { passed: false, failure: 'reset', reason: `connection closed before an answer (${told})` };
  if (error.code === 'ECONNREFUSED') return { passed: false, failure: 'refused', reason: 'connection refused' };
  return { passed: false, failure: 'unreachable', reason: `cannot connect (${told})` };
}

/** Whether `status` is among `ranges`, such as `200-399` or `200,204`. */
export function expects(ranges: string, status: number): boolean {
  return ranges.split(',').some((range) => {
    const [low, high = low] = range.split('-').map(Number);
    return low !== undefined && high !== undefined && status >= low && status <= high;
  });
}
