import type { AttemptFailure } from '../http1/connection/response-sink.ts';
import type { Failure } from './contract.ts';

/** Every failure that Sluice itself answers a valid request with. Faults of the request's octets are in `http1/message/wire-fault.ts`. */
export const failures = {
  noEnvironment: { status: 404, code: 'no-environment', title: 'No environment serves this host.' },
  misdirected: { status: 421, code: 'misdirected', title: 'The certificate of this connection does not cover the host of the request.' },
  noClientCertificate: {
    status: 400,
    code: 'client-certificate-missing',
    title: 'The request needs a connection with a client certificate.',
  },
  badClientCertificate: {
    status: 400,
    code: 'client-certificate-refused',
    title: 'The client certificate of this connection is not valid here: it has expired, or another authority issued it.',
  },
  reserved: { status: 404, code: 'not-found', title: 'This path is reserved.' },
  encodedSlash: {
    status: 400,
    code: 'encoded-slash',
    title:
      'The path has an encoded slash or backslash (%2F, %5C), which servers read in different ways; a project accepts it with encodedSlashes: keep.',
  },
  noProject: { status: 404, code: 'no-project', title: 'No project serves this path.' },
  noResourceAsRead: {
    status: 404,
    code: 'no-resource',
    title: 'The project has a resource for this path, but none for another way in which servers could read it.',
  },
  noResource: { status: 404, code: 'no-resource', title: 'The project has no such resource.' },
  unauthorized: { status: 401, code: 'unauthorized', title: 'This needs the join token, as Authorization: Bearer TOKEN.' },
  noServer: { status: 503, code: 'no-server', title: 'No server is available at the moment.' },
  queueFull: { status: 503, code: 'queue-full', title: 'Every server is busy, and the queue is full.' },
  queueTimeout: { status: 503, code: 'queue-timeout', title: 'Every server was busy for as long as a request may wait.' },
  notReady: { status: 503, code: 'not-ready', title: 'This server is not in service.' },
  connectFailed: { status: 502, code: 'connect-failed', title: 'The upstream could not be reached.' },
  upstreamReset: { status: 502, code: 'upstream-reset', title: 'The upstream closed the connection before it answered.' },
  badResponse: { status: 502, code: 'bad-response', title: 'The upstream sent an invalid response.' },
  connectTimeout: { status: 504, code: 'connect-timeout', title: 'The upstream did not accept the connection in time.' },
  headTimeout: { status: 504, code: 'response-timeout', title: 'The upstream did not answer in time.' },
  totalTimeout: { status: 504, code: 'total-timeout', title: 'The request took longer than allowed.' },
  shortage: { status: 503, code: 'shortage', title: 'This server is short of connections or memory at the moment.' },
  loop: {
    status: 508,
    code: 'loop-detected',
    title: 'The request runs in a circle: a target of a project leads back to Sluice.',
  },
  tooManyConnections: { status: 503, code: 'too-many-connections', title: 'There is no room for another connection at the moment.' },
  badProxyHeader: { status: 400, code: 'bad-proxy-header', title: 'The connection must begin with a header of the PROXY protocol.' },
  bodyTooLarge: { status: 413, code: 'body-too-large', title: 'The request body is larger than allowed.' },
  responseTooLarge: {
    status: 502,
    code: 'response-too-large',
    title: 'The body of the upstream response is larger than what can be changed here.',
  },
  traceEndsHere: { status: 501, code: 'trace-not-supported', title: 'This server does not support TRACE.' },
  internal: { status: 500, code: 'internal', title: 'The request could not be processed.' },
} as const satisfies Record<string, Failure>;

/** The answer to a client whose last attempt failed in this way. */
export const attemptFailures: Readonly<Record<AttemptFailure, Failure>> = {
  'connect-failed': failures.connectFailed,
  'connect-timeout': failures.connectTimeout,
  reset: failures.upstreamReset,
  'head-timeout': failures.headTimeout,
  'bad-response': failures.badResponse,
  shortage: failures.shortage,
};
