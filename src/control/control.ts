import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import fastify, { LogController } from 'fastify';
import type { Logger } from 'pino';
import { problemType } from '../api/problem.ts';
import { type Clock, systemClock } from '../model/clock.ts';
import { SluiceError } from '../model/fault.ts';
import type { LiveView } from '../model/live.ts';
import { formatAddress, parseAddress } from '../model/quantity.ts';
import type { Registry } from '../registry/contract.ts';
import { guardRoutes, identifyBy } from './access/access.ts';
import { Guesses } from './access/guesses.ts';
import { Sessions } from './access/sessions.ts';
import type { Authorizer } from './access/tokens.ts';
import type { ControlApp } from './app.ts';
import { Connections } from './connections.ts';
import { Feed } from './feed/feed.ts';
import { Journal } from './feed/journal.ts';
import { JournalFile } from './feed/journal-file.ts';
import { Observer } from './feed/observer.ts';
import { metricsRoute } from './metrics/metrics-route.ts';
import { targetsRoute } from './metrics/targets-route.ts';
import { answerError, describeProblem } from './problem.ts';
import { acceptBodies, compileValidator } from './routes/bodies.ts';
import { deploymentRoutes } from './routes/deployment-routes.ts';
import { environmentRoutes } from './routes/environment-routes.ts';
import { historyRoutes } from './routes/history-routes.ts';
import { answerNotFound } from './routes/not-found.ts';
import { describeApi } from './routes/openapi.ts';
import { type Page, pageRoutes } from './routes/page-routes.ts';
import { probeRoutes } from './routes/probe-routes.ts';
import { projectRoutes } from './routes/project-routes.ts';
import { registerRoutes } from './routes/register-routes.ts';
import { serverRoutes } from './routes/server-routes.ts';
import { sessionRoutes } from './routes/session-routes.ts';
import { upgradeRoutes } from './routes/upgrade-routes.ts';
import { type UpgradeHandler, Upgrades } from './upgrades.ts';

/** What is not answered by then is cut off when the control closes. */
const graceMs = 10_000;
/** Connections that wait to be accepted: a thousand gateways may come at once. */
const backlog = 4096;

/** The running admin API. */
export interface Control {
  /** `HOST:PORT` as bound: a port of 0 is resolved. */
  readonly address: string;
  readonly url: string;
  /** Stops accepting, finishes the answers in flight, closes WebSockets (1001) and the registration endpoint. */
  close(): Promise<void>;
}

export interface ControlOptions {
  readonly listen: string;
  readonly registry: Registry;
  readonly live: LiveView;
  readonly authorize: Authorizer;
  /** Registration of Sluice gateways, served at `/v1/join`; authenticates by itself and is closed with the control. */
  readonly join: UpgradeHandler;
  readonly logger: Logger;
  readonly version: string;
  /** Lines of the access log that could not be kept, since the start; default: none. */
  readonly accessLogDropped?: () => number;
  /** The dashboard; without it `/` says that it is not built. */
  readonly page?: Page | undefined;
  /** Signs sessions of the dashboard; without one they end with this process. */
  readonly sessionKey?: Buffer;
  /** File that keeps the journal of events over a restart. */
  readonly journalFile?: string;
  readonly clock?: Clock;
}

/** Opens the admin API. Throws `unavailable` if the address cannot be taken. */
export async function startControl(options: ControlOptions): Promise<Control> {
  const { listen, registry, live, authorize, logger, version, clock = systemClock } = options;
  const app = fastify({
    // Without the framework's own "Server listening": who starts the control says where it is.
    loggerInstance: logger.child({}, { level: logger.isLevelEnabled('warn') ? 'warn' : logger.level }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 4 * 1024 * 1024,
    requestTimeout: 30_000,
    http: { headersTimeout: 10_000, connectionsCheckingInterval: 5000 },
    forceCloseConnections: 'idle',
    routerOptions: { caseSensitive: true, ignoreTrailingSlash: true },
    frameworkErrors: answerError,
    clientErrorHandler: answerGarbage,
  }) as unknown as ControlApp;
  const context = { registry, live, clock, version, listen, accessLogDropped: options.accessLogDropped ?? (() => 0) };

  const sessions = new Sessions(clock, options.sessionKey);
  const identify = identifyBy(authorize, sessions);
  const guesses = new Guesses(clock);
  const watched = { admin: guesses.watched(identify), join: guesses.watched(identify, 'join') };
  guardRoutes(app, watched);
  acceptBodies(app);
  app.setValidatorCompiler(compileValidator);
  app.setSerializerCompiler(() => JSON.stringify);
  app.setErrorHandler(answerError);
  await describeApi(app, version);
  answerNotFound(app);
  for (const routes of [
    environmentRoutes,
    serverRoutes,
    deploymentRoutes,
    projectRoutes,
    registerRoutes,
    metricsRoute,
    targetsRoute,
    probeRoutes,
  ]) {
    routes(app, context);
  }
  upgradeRoutes(app);
  sessionRoutes(app, sessions);
  pageRoutes(app, options.page);
  const connections = new Connections(app.server, clock);
  const journal = await Journal.open(clock, logger, options.journalFile === undefined ? undefined : new JournalFile(options.journalFile));
  journal.record([{ at: clock.date(), kind: 'balancer', tone: 'idle', subject: 'balancer', text: 'started', cause: `version ${version}` }]);
  historyRoutes(app, journal);
  const observer = new Observer(context, logger);
  observer.listen((message) => {
    if (message.type === 'happenings') journal.record(message.happenings);
  });
  const sessionEnds = (request: IncomingMessage) => sessions.endOf(request);
  const feed = new Feed({ clock, version, observer, journal, identify, sessionEnds });
  const upgrades = new Upgrades(app.server, { feed, join: options.join, identify: watched });

  const { host, port } = parseAddress(listen);
  try {
    await app.listen({ host, port, backlog });
  } catch (cause) {
    observer.close();
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new SluiceError(
      'unavailable',
      `cannot listen on ${listen} (${reason}): is another Sluice running? Set control.listen to a free address`,
      { cause },
    );
  }
  const bound = app.server.address();
  const address = formatAddress(host, bound !== null && typeof bound === 'object' ? bound.port : port);
  return {
    address,
    url: `http://${address}`,
    async close() {
      const closed = app.close();
      observer.close();
      await Promise.all([upgrades.close(), journal.close()]);
      connections.close(graceMs);
      await closed;
    },
  };
}

/** What never became a request: answered, if it still can be, and closed. */
function answerGarbage(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const body = JSON.stringify(describeProblem(status, 'malformed', 'this is no HTTP request that can be answered'));
  socket.end(
    `HTTP/1.1 ${status} Refused\r\ncontent-type: ${problemType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
