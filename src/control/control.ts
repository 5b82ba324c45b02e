import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type SecureContextOptions, Server as TlsServer } from 'node:tls';
import fastify, { LogController } from 'fastify';
import type { Logger } from 'pino';
import { problemType } from '../api/problem.ts';
import type { Family } from '../metrics/family.ts';
import type { Access, Grant } from '../model/access.ts';
import { formatAddress, parseAddress } from '../model/address.ts';
import { type Clock, systemClock } from '../model/clock.ts';
import { SluiceError } from '../model/fault.ts';
import type { LiveView } from '../model/live.ts';
import { SharedReads } from '../model/shared-reads.ts';
import { controlTurns } from '../model/turns.ts';
import type { Registry } from '../registry/contract.ts';
import type { JoinLimits } from '../registry/remote/join-limits.ts';
import { JoinRefusals } from '../registry/remote/join-refusals.ts';
import type { Authorizer } from './access/authorizer.ts';
import { Callers } from './access/callers.ts';
import { GuessLimiter } from './access/guess-limiter.ts';
import { identifyBy } from './access/identify.ts';
import { Registrants } from './access/registrants.ts';
import { type SessionKey, Sessions } from './access/sessions.ts';
import { Connections, maxStrangers } from './connections.ts';
import type { DocumentReader } from './documents.ts';
import { Feed } from './feed/feed.ts';
import { Journal } from './feed/journal.ts';
import { JournalFile } from './feed/journal-file.ts';
import { Observer } from './feed/observer.ts';
import { paceHandshakes } from './paced-handshakes.ts';
import { allRoutes } from './routes/all-routes.ts';
import { answerInPieces } from './routes/answer-in-pieces.ts';
import { answerNotFound } from './routes/answer-not-found.ts';
import { acceptBodies, compileValidator } from './routes/bodies.ts';
import type { ControlApp, ControlContext } from './routes/control-app.ts';
import { guardRoutes } from './routes/guard-routes.ts';
import { serveDescription } from './routes/openapi.ts';
import type { PackedText } from './routes/packed-text.ts';
import type { Page } from './routes/page-routes.ts';
import { answerError, describeProblem } from './routes/problem.ts';
import { cutUnreadBodies } from './unread-bodies.ts';
import { type UpgradeHandler, UpgradeRouter } from './upgrade-router.ts';
import { ServerLists } from './views/server-lists.ts';
import { listServers } from './views/server-view.ts';
import { type ServerReader, UsageReads } from './views/usage-reads.ts';

/** Milliseconds that answers in flight may take after closing begins; then their connections are cut. */
const graceMs = 10_000;
/** Connections that may wait to be accepted: a thousand gateways may connect at once. */
const backlog = 4096;

/** The running admin API. */
export interface Control {
  /** `HOST:PORT` as bound: a port of 0 is resolved. */
  readonly address: string;
  readonly url: string;
  /** Replaces the certificate, for new connections. */
  renew(secure: SecureContextOptions): void;
  /** Stops accepting, finishes the answers in flight, closes WebSockets (1001) and the registration endpoint. */
  close(): Promise<void>;
}

export interface ControlOptions {
  readonly listen: string;
  readonly registry: Registry;
  readonly live: LiveView;
  /** IP addresses and CIDR ranges of proxies whose `X-Forwarded-For` is believed; default: none. */
  readonly trustedProxies?: readonly string[];
  /** Opens a listener ahead of a change to an environment: see `ControlContext`. */
  readonly reserve?: ControlContext['reserve'];
  readonly certificates?: ControlContext['certificates'];
  readonly controlTls?: ControlContext['controlTls'];
  readonly issued?: ControlContext['issued'];
  readonly secrets?: ControlContext['secrets'];
  readonly authorities?: ControlContext['authorities'];
  readonly explain?: ControlContext['explain'];
  /** Asks gateway servers; default: usage is not shown. */
  readonly reports?: ServerReader | undefined;
  /** Certificate of the control address, as TLS servers take it; undefined: it is plain. */
  readonly secure?: SecureContextOptions | undefined;
  readonly authorize: Authorizer;
  /** Finds what an `Authorization` header gives, limits included; default: what `authorize` finds. */
  readonly grantOf?: (authorization: string | undefined) => Grant | undefined;
  /** Limits of registrations by plain HTTP; default: none. */
  readonly joinLimits?: () => JoinLimits;
  /** Refused registrations of all doors; default: those by plain HTTP. */
  readonly refusals?: JoinRefusals;
  /** Number of gateway servers connected to the registration endpoint; default: 0. */
  readonly joined?: () => number;
  /** The registration endpoint of Sluice gateways, served at `/v1/join`. It authenticates its clients itself, and closes together with the admin API. */
  readonly join: UpgradeHandler;
  readonly logger: Logger;
  readonly version: string;
  /** Returns the access log lines dropped since the start; default: 0. */
  readonly accessLogDropped?: () => number;
  /** Metrics of gateway servers that are a part of this process; default: there are none. */
  readonly families?: () => Promise<readonly Family[]>;
  /** The dashboard; without it `/` answers that the dashboard has not been built. */
  readonly page?: Page | undefined;
  /** The text of `/openapi.json`; default: it is made of the routes when it is asked for, which takes tens of milliseconds. */
  readonly description?: PackedText | undefined;
  /** Returns the keys that sign sessions of the dashboard, one for each valid admin token; default: signing in is refused. */
  readonly sessionKeys?: () => readonly SessionKey[];
  /** Returns the join token that new servers should use; default: the admin API does not give one. */
  readonly joinToken?: () => string | undefined;
  /** File that keeps the journal over a restart; default: the journal is only in memory. */
  readonly journalFile?: string;
  /** Reads large documents; default: this process does. */
  readonly readDocument?: DocumentReader;
  readonly clock?: Clock;
}

/** Limits of the time for reading requests. */
const checks = { headersTimeout: 10_000, connectionsCheckingInterval: 5000 };

/** Opens the admin API. Throws `unavailable` if the address cannot be taken. */
export async function startControl(options: ControlOptions): Promise<Control> {
  const { listen, registry, live, authorize, logger, version, clock = systemClock } = options;
  const app = fastify({
    // At `warn`, Fastify does not log its own "Server listening": the caller logs the address.
    loggerInstance: logger.child({}, { level: logger.isLevelEnabled('warn') ? 'warn' : logger.level }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 4 * 1024 * 1024,
    requestTimeout: 30_000,
    ...(options.secure === undefined ? { http: checks } : { https: { ...checks, ...options.secure } }),
    forceCloseConnections: 'idle',
    routerOptions: { caseSensitive: true, ignoreTrailingSlash: true },
    frameworkErrors: answerError,
    clientErrorHandler: answerMalformed,
  }) as unknown as ControlApp;
  const refusals = options.refusals ?? new JoinRefusals(logger, clock);
  const grantOf = options.grantOf ?? ((authorization: string | undefined) => grantFor(authorize(authorization)));
  const callers = new Callers(options.trustedProxies ?? []);
  const registrants = new Registrants({ grantOf, refusals, limits: options.joinLimits, live, callers });
  const servers = new ServerLists(() => listServers(registry, live, () => clock.date()));
  const lists = new SharedReads(() => servers.next(), { rests: true });
  const context = {
    registry,
    listServers: () => lists.now(),
    registrants,
    joined: options.joined ?? (() => 0),
    live,
    reserve: options.reserve,
    certificates: options.certificates,
    controlTls: options.controlTls,
    issued: options.issued,
    secrets: options.secrets,
    authorities: options.authorities,
    explain: options.explain,
    usage: options.reports && new UsageReads(options.reports, clock),
    clock,
    version,
    listen,
    accessLogDropped: options.accessLogDropped ?? (() => 0),
    families: options.families ?? (async () => []),
  };

  const sessions = new Sessions(clock, options.sessionKeys ?? (() => []));
  const identify = identifyBy(authorize, sessions);
  const limiter = new GuessLimiter(clock, (request) => callers.of(request));
  const identifyFor = { admin: limiter.limit(identify), join: limiter.limit(identify, 'join') };
  app.addHook('onRequest', () => controlTurns.next());
  if (app.server instanceof TlsServer) paceHandshakes(app.server, clock);
  const connections = new Connections(app.server, clock, (address) =>
    refusals.note(
      'connections',
      address,
      `more than ${maxStrangers.perAddress} connections of this address, or ${maxStrangers.all} in all, are open without a token`,
    ),
  );
  const admit = ({ socket }: IncomingMessage) => connections.admit(socket);
  guardRoutes(app, identifyFor, { callers, registrants, admit });
  acceptBodies(app, options.readDocument);
  app.setValidatorCompiler(compileValidator);
  app.setSerializerCompiler(() => JSON.stringify);
  answerInPieces(app);
  app.setErrorHandler(answerError);
  serveDescription(app, options.description ?? { read: async () => (await import('./api-document.ts')).apiDocument(version) });
  answerNotFound(app);
  cutUnreadBodies(app.server, clock);
  const journal = await Journal.open(clock, logger, options.journalFile === undefined ? undefined : new JournalFile(options.journalFile));
  journal.record([{ at: clock.date(), kind: 'balancer', tone: 'idle', subject: 'balancer', text: 'started', cause: `version ${version}` }]);
  allRoutes(app, context, { sessions, joinToken: options.joinToken, page: options.page, journal });
  const observer = new Observer(context, logger);
  observer.subscribe((message) => {
    if (message.type === 'happenings') journal.record(message.happenings);
  });
  const sessionEnds = (request: IncomingMessage) => sessions.endOf(request);
  const feed = new Feed({ clock, version, observer, journal, identify, sessionEnds });
  const upgrades = new UpgradeRouter(app.server, { feed, join: options.join, identify: identifyFor, admit });

  const { host, port } = parseAddress(listen);
  try {
    await app.listen({ host, port, backlog });
  } catch (cause) {
    observer.close();
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new SluiceError(
      'unavailable',
      `cannot listen on ${listen} (${reason}): set control.listen to a free address of this machine, or stop the program that uses this one`,
      { cause },
    );
  }
  const bound = app.server.address();
  const address = formatAddress(host, bound !== null && typeof bound === 'object' ? bound.port : port);
  return {
    address,
    url: `${options.secure === undefined ? 'http' : 'https'}://${address}`,
    renew: (secure) => {
      if (app.server instanceof TlsServer) app.server.setSecureContext(secure);
    },
    async close() {
      const closed = app.close();
      observer.close();
      await Promise.all([upgrades.close(), journal.close()]);
      connections.close(graceMs);
      await closed;
    },
  };
}

function grantFor(access: Access | undefined): Grant | undefined {
  return access && { access };
}

/** Answers bytes that could not be parsed as a request, if the socket is still writable, and closes the connection. */
function answerMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const body = JSON.stringify(describeProblem(status, 'malformed', 'the balancer could not read this as an HTTP request'));
  socket.end(
    `HTTP/1.1 ${status} Refused\r\ncontent-type: ${problemType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
