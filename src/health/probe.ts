import { connect, isIP, type Socket, type TcpSocketConnectOpts } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { connectErrorText, NameError } from '../dns/name-error.ts';
import { processResolver } from '../dns/resolver.ts';
import { parseAddress } from '../model/address.ts';
import type { AddressGuard } from '../model/address-guard.ts';
import type { Clock } from '../model/clock.ts';
import { processDescriptors } from '../model/descriptors.ts';
import { readyPath } from '../model/reserved-path.ts';
import { identityField, parseIdentity, type ServerIdentity } from '../model/server-identity.ts';
import { faultField, isShortage } from '../model/shortage.ts';
import type { TlsConnector } from '../tls/tls-connector.ts';
import { responseField, responseStatus } from './response-status.ts';

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
  | 'status'
  /** Another server than the registered one answers at the address. */
  | 'other-server'
  /** This process or the server lacked descriptors, ports or memory for the check, which says nothing about the server's health. */
  | 'shortage';

export type ProbeResult =
  /** `identity`: as the server stated it, if it was asked to. */
  | { readonly passed: true; readonly status?: number; readonly identity?: ServerIdentity }
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
  /** Value of Host, and the name that TLS asks for; empty: the address. */
  readonly host?: string;
  /** Port to check; 0: that of the address. */
  readonly port?: number;
  /** True: the check uses TLS. Without `secure`, certificates are not verified, because a check carries no secret. */
  readonly tls?: boolean;
  /** Makes the TLS connections to the server's own port, and with `tls` those to another port; undefined: the port is plain. */
  readonly secure?: TlsConnector;
  /** Judges what the server states about its identity: why it is refused, or undefined. Without it, identities are not compared. */
  readonly refuse?: (identity: ServerIdentity | undefined) => string | undefined;
  /**
   * True for a server that need not be Sluice's. If it is asked for `/.sluice/ready` and states no identity, any status below 500 is a
   * sign of life, above all 404.
   */
  readonly foreign?: boolean;
  /** Addresses to which no connection is opened. */
  readonly guard?: AddressGuard | undefined;
  /** Octets that begin the connection, before TLS: a header of the PROXY protocol. Not sent to another `port` than the address has. */
  readonly preface?: Buffer;
}

/**
 * Makes one check on a new connection, and calls `done` once with its result. The function returned cancels the check: `done` is not
 * called. If the check itself does not ask for the server's identity, another request before it does.
 */
export function probe(check: Probe, clock: Clock, done: (result: ProbeResult) => void): () => void {
  const { refuse, path, port = 0, tls = false, secure } = check;
  if (refuse === undefined || (path === readyPath && port === 0 && !tls)) return probeOnce(check, clock, done);
  const question = {
    address: check.address,
    path: readyPath,
    timeout: check.timeout,
    expect: '100-599',
    ...(secure && { secure }),
    guard: check.guard,
    refuse,
  };
  let cancel = probeOnce(question, clock, (stated) => {
    if (!stated.passed) done(stated);
    else cancel = probeOnce(check, clock, (result) => done(result.passed ? { ...stated, ...result } : result));
  });
  return () => cancel();
}

function probeOnce(check: Probe, clock: Clock, done: (result: ProbeResult) => void): () => void {
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
    passed: () => finish({ passed: true }),
    answered: (status: number, stated: Stated) => finish(judge(check, status, stated)),
    failed: (error: NodeJS.ErrnoException) => finish(failure(error, connected)),
    malformed: () => finish({ passed: false, failure: 'bad-response', reason: 'the response is not HTTP/1' }),
  };
  const stop = begin(check, events);
  return () => {
    finish(undefined);
    stop();
  };
}

/** Fields of a response in which a gateway server says something about itself. */
interface Stated {
  /** Its identity. */
  readonly server: string | undefined;
  /** `shortage`: it has no room for another connection. */
  readonly fault: string | undefined;
}

interface ProbeEvents {
  connected(): void;
  passed(): void;
  answered(status: number, stated: Stated): void;
  failed(error: Error): void;
  malformed(): void;
}

/** Judges a complete response head. */
function judge({ path, expect, refuse, foreign }: Probe, status: number, { server, fault }: Stated): ProbeResult {
  if (status === 503 && fault === 'shortage')
    return {
      passed: false,
      failure: 'shortage',
      reason: 'the server has no room for the check: it has as many connections as it may have',
    };
  const identity = path === readyPath && server !== undefined ? parseIdentity(server) : undefined;
  const asked = path === readyPath ? refuse : undefined;
  const refused = asked?.(identity);
  if (refused !== undefined) return { passed: false, failure: 'other-server', reason: refused };
  const alive = foreign === true && path === readyPath && server === undefined && status < 500;
  if (!alive && !expects(expect, status))
    return { passed: false, failure: 'status', reason: `answered with status ${status}, expected ${expect}` };
  return { passed: true, status, ...(asked !== undefined && identity !== undefined && { identity }) };
}

/** Starts a check. An error that prevents the start, such as an invalid address, is reported like any other failure, and later. */
function begin(check: Probe, events: ProbeEvents): () => void {
  try {
    return check.path === '' ? probeConnection(check, events) : probeHttp(check, events);
  } catch (error) {
    queueMicrotask(() => events.failed(error as Error));
    return () => {};
  }
}

/** Opens the connection of a check; `opened` is called once it can be used, after the TLS handshake if there is one. */
function open(check: Probe, opened: () => void): Socket {
  const { address, timeout, host: name = '', port: otherPort = 0, tls = false, secure, preface, guard } = check;
  const { host, port } = parseAddress(address);
  const first = otherPort === 0 ? preface : undefined;
  if (secure !== undefined && (tls || otherPort === 0)) {
    const opening = { limitMs: timeout, guard, preface: first, secured: opened };
    const socket = secure.connect(host, otherPort === 0 ? port : otherPort, opening);
    processDescriptors.hold(socket);
    return socket.once('end', () => socket.destroy());
  }
  const to = processResolver.dial(host, otherPort === 0 ? port : otherPort, timeout, guard) as TcpSocketConnectOpts;
  const plain = tls && first === undefined ? undefined : connect(to);
  if (first !== undefined) plain?.write(first);
  if (plain !== undefined && !tls) return followed(plain, host).once('connect', opened);
  const wanted = (name || host).replace(/:\d+$/, '');
  const servername = isIP(wanted) === 0 ? wanted : '';
  const socket = connectTls({ ...(plain === undefined ? to : { socket: plain }), servername, rejectUnauthorized: false });
  return followed(socket, host).once('secureConnect', opened);
}

function followed(socket: Socket, host: string): Socket {
  processDescriptors.hold(socket);
  return processResolver.observe(socket, host);
}

function probeConnection(check: Probe, events: ProbeEvents): () => void {
  const socket = open(check, () => {
    events.passed();
    socket.destroy();
  });
  socket.on('error', events.failed);
  return () => socket.destroy();
}

/** Writes the request by hand, without Node's HTTP client: with a thousand servers, checks are most of an idle balancer's work. */
function probeHttp(check: Probe, events: ProbeEvents): () => void {
  const { address, path, host = '' } = check;
  if (!/^\/[\x21-\x7e]*$/.test(path))
    throw new Error(
      `the path ${JSON.stringify(path)} cannot be requested: it must begin with / and contain only visible US-ASCII characters`,
    );
  const request = `GET ${path} HTTP/1.1\r\nhost: ${host || address}\r\nuser-agent: sluice-health\r\nconnection: close\r\n\r\n`;
  // Not before: the peer must have proved by its certificate who it is.
  const socket = open(check, () => {
    events.connected();
    socket.write(request);
  });
  let text = '';
  socket.setEncoding('latin1');
  socket.on('error', events.failed);
  socket.on('end', () => events.failed(new Error('no complete response head')));
  socket.on('data', (more: string) => {
    text += more;
    const status = responseStatus(text);
    if (status === undefined) return;
    if (status === 'malformed') events.malformed();
    else events.answered(status, { server: responseField(text, identityField), fault: responseField(text, faultField) });
    // The head is enough; an endless body must not keep the connection open.
    socket.destroy();
  });
  return () => socket.destroy();
}

function failure(error: NodeJS.ErrnoException, connected: boolean): ProbeResult {
  // The message of an error of TLS itself says what is wrong with the certificate, and the remedy.
  const secured = error.code === 'EPROTO' || error.syscall === undefined;
  const detail = secured ? error.message : (error.code ?? error.message);
  if (isShortage(error)) return { passed: false, failure: 'shortage', reason: `the balancer could not check (${detail})` };
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
