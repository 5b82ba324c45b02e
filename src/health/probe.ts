import { connect, type Socket, type TcpSocketConnectOpts } from 'node:net';
import { connectErrorText, NameError } from '../dns/name-error.ts';
import { processResolver } from '../dns/resolver.ts';
import { parseAddress } from '../model/address.ts';
import type { Clock } from '../model/clock.ts';
import { responseStatus } from './response-status.ts';

/** The reason why a check failed. The reasons differ in their remedies. */
export type ProbeFailure =
  /** No process listens on the port. */
  | 'refused'
  /** The host cannot be reached, or its name cannot be resolved. */
  | 'unreachable'
  /** The connection was not accepted in time: host down, or packets dropped. */
  | 'connect-timeout'
  /** The server accepted the connection and then sent nothing. */
  | 'hung'
  /** The server accepted the connection, and closed or reset it before a response. */
  | 'reset'
  /** The server sent something other than HTTP. */
  | 'bad-response'
  /** The server responded with a status that is not expected. */
  | 'status';

export type ProbeResult =
  | { readonly passed: true; readonly status?: number }
  /** `reason`: for people, for example `timed out after 1000 ms: connected, but no response`. */
  | { readonly passed: false; readonly failure: ProbeFailure; readonly reason: string };

/** One check of one server. */
export interface Probe {
  /** `HOST:PORT`. */
  readonly address: string;
  /** Path to request with GET; empty: a connection is enough. */
  readonly path: string;
  /** Limit for the whole check in milliseconds. */
  readonly timeout: number;
  /** Statuses of a healthy server, for example `200-399` or `200,204`. */
  readonly expect: string;
}

/**
 * Makes one check on a new connection, and calls `done` once with its result. The function returned cancels the check: `done` is not
 * called.
 */
export function probe(check: Probe, clock: Clock, done: (result: ProbeResult) => void): () => void {
  let connected = false;
  let settled = false;
  const finish = (result: ProbeResult | undefined): void => {
    if (settled) return;
    settled = true;
    timer.cancel();
    if (result !== undefined) done(result);
  };
  const timer = clock.after(check.timeout, () => {
    const limit = `timed out after ${check.timeout} ms`;
    finish(
      connected
        ? { passed: false, failure: 'hung', reason: `${limit}: connected, but no response` }
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
    malformed: () => finish({ passed: false, failure: 'bad-response', reason: 'the response is not HTTP/1' }),
    unexpected: (status: number) =>
      finish({ passed: false, failure: 'status', reason: `answered with status ${status}, expected ${check.expect}` }),
  };
  const stop = begin(check, events);
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

/** Starts a check. An error that prevents the start, such as an invalid address, is reported like any other failure, and later. */
function begin(check: Probe, events: ProbeEvents): () => void {
  try {
    return check.path === '' ? probeTcp(check, events) : probeHttp(check, events);
  } catch (error) {
    queueMicrotask(() => events.failed(error as Error));
    return () => {};
  }
}

function probeTcp({ address, timeout }: Probe, events: ProbeEvents): () => void {
  const socket = dial(address, timeout);
  socket.on('error', events.failed);
  socket.on('connect', () => {
    events.passed();
    socket.destroy();
  });
  return () => socket.destroy();
}

/** Writes the request by hand, without Node's HTTP client: with a thousand servers, checks are most of an idle balancer's work. */
function probeHttp({ address, path, timeout, expect }: Probe, events: ProbeEvents): () => void {
  if (!/^\/[\x21-\x7e]*$/.test(path))
    throw new Error(
      `the path ${JSON.stringify(path)} cannot be requested: it must begin with / and contain only visible US-ASCII characters`,
    );
  const socket = dial(address, timeout);
  let text = '';
  socket.setEncoding('latin1');
  socket.on('connect', events.connected);
  socket.on('error', events.failed);
  socket.on('end', () => events.failed(new Error('no complete response head')));
  socket.on('data', (more: string) => {
    text += more;
    const status = responseStatus(text);
    if (status === undefined) return;
    if (status === 'malformed') events.malformed();
    else if (expects(expect, status)) events.passed(status);
    else events.unexpected(status);
    // The head is enough; an endless body must not keep the connection open.
    socket.destroy();
  });
  socket.write(`GET ${path} HTTP/1.1\r\nhost: ${address}\r\nuser-agent: sluice-health\r\nconnection: close\r\n\r\n`);
  return () => socket.destroy();
}

function dial(address: string, limitMs: number): Socket {
  const { host, port } = parseAddress(address);
  return processResolver.observe(connect(processResolver.dial(host, port, limitMs) as TcpSocketConnectOpts), host);
}

function failure(error: NodeJS.ErrnoException, connected: boolean): ProbeResult {
  const detail = error.code ?? error.message;
  if (connected) return { passed: false, failure: 'reset', reason: `connection closed before a response (${detail})` };
  if (error.code === 'ECONNREFUSED') return { passed: false, failure: 'refused', reason: 'connection refused' };
  const several = error instanceof NameError || error instanceof AggregateError;
  return { passed: false, failure: 'unreachable', reason: `cannot connect (${several ? connectErrorText(error) : detail})` };
}

/** Says whether `status` is in `ranges`, such as `200-399` or `200,204`. */
export function expects(ranges: string, status: number): boolean {
  return ranges.split(',').some((range) => {
    const [low, high = low] = range.split('-').map(Number);
    return low !== undefined && high !== undefined && status >= low && status <= high;
  });
}
