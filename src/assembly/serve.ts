import { join } from 'node:path';
import type { Logger } from 'pino';
import { AcmeCertificates } from '../acme/acme-certificates.ts';
import { SelfSignedCertificates } from '../acme/self-signed-certificates.ts';
import { AuthorityRotation } from '../balancer/authority-rotation.ts';
import { type Balancer, createBalancer } from '../balancer/balancer.ts';
import { HopAuthority } from '../balancer/hop-authority.ts';
import { MemberCertification } from '../balancer/member-certification.ts';
import type { MemberRecord } from '../balancer/members.ts';
import { ServerReports } from '../balancer/server-reports.ts';
import { TicketSecret } from '../balancer/ticket-secret.ts';
import type { Config } from '../config/config.ts';
import { Callers } from '../control/access/callers.ts';
import { Credentials } from '../control/access/credentials.ts';
import { clientNetwork, isHealthy } from '../control/access/registrants.ts';
import { loadTokens, type Tokens } from '../control/access/tokens.ts';
import { type Control, startControl } from '../control/control.ts';
import { systemClock } from '../model/clock.ts';
import { SluiceError } from '../model/fault.ts';
import type { Registry } from '../registry/contract.ts';
import { openRegistry } from '../registry/open-registry.ts';
import { JoinRefusals } from '../registry/remote/join-refusals.ts';
import { RegistrationEndpoint } from '../registry/remote/registration-endpoint.ts';
import { SecretRotation } from '../registry/secrets/secret-rotation.ts';
import { CertificateStore } from '../tls/certificate-store.ts';
import { singleServerOptions } from '../tls/server-contexts.ts';
import { ticketKey } from '../tls/ticket-key.ts';
import { applyEnvironments, reloadEnvironments } from './configured-environments.ts';
import { DataPlaneRunner } from './data-plane-runner.ts';
import { applyDescriptorLimit } from './descriptor-limit.ts';
import { DocumentProcess } from './document-process.ts';
import { EmbeddedGateways } from './embedded/embedded-gateways.ts';
import { WorkerCopies } from './embedded/worker-copies.ts';
import { openSecrets } from './open-secrets.ts';
import { warnOfRestartOnly } from './restart-only.ts';
import { loadShipped } from './shipped.ts';
import { version } from './version.ts';

/** Maximum number of environments that a summary names. */
const maxNamed = 5;

/** A running balancer with its registry and admin API. */
export interface Served {
  readonly registry: Registry;
  readonly balancer: Balancer;
  readonly control: Control;
  readonly tokens: Tokens;
  /** The configuration that was applied last. */
  readonly config: Config;
  /** One line for the service manager: environments with their addresses. */
  summary(): string;
  /** Applies a changed configuration: only what differs. Warns of settings that need a restart. */
  reload(next: Config): Promise<void>;
  /** Opens the access log's file again after it was renamed. */
  reopenAccessLog(): void;
  /** Replaces the worker processes one after the other; the new ones run the program that is on disk by then. */
  restartWorkers(): Promise<void>;
  /** Drains for up to `shutdown.grace`, then closes everything. */
  stop(): Promise<void>;
}

/**
 * Starts the registry, the balancer and the admin API, in this order; while the registry cannot be reached, the admin API answers first. Rejects with a `SluiceError` if one of them cannot start; then nothing is left
 * running.
 */
export async function serve(config: Config, logger: Logger, env: NodeJS.ProcessEnv = process.env): Promise<Served> {
  applyDescriptorLimit(logger);
  const tokens = await loadTokens({ dataDir: config.dataDir, configured: config.control.tokens, env });
  logger.info({ admin: tokens.origin.admin, join: tokens.origin.join }, 'tokens read from these places');
  const credentials = await Credentials.of(tokens);
  const { authorize, grantOf } = credentials;
  const refusals = new JoinRefusals(logger, systemClock);
  const dataPlane = new DataPlaneRunner(config, logger);
  await dataPlane.openAccessLog();
  const reader = new DocumentProcess();
  const registry = await openRegistry({ ...config.registry, logger, examine: reader.examine });
  const secrets = await openSecrets({ registry, dataDir: config.dataDir, env, logger }).catch(async (error: unknown) => {
    await registry.close();
    throw error;
  });
  const rotation =
    secrets &&
    registry.secrets &&
    new SecretRotation({
      ...{ secrets, sealed: registry.secrets, dataDir: config.dataDir, env, clock: systemClock, logger },
      alone: config.registry.url.startsWith('embedded:'),
    });
  let present = config;
  const certificates = new CertificateStore(config.folder, systemClock, logger);
  const tickets = new TicketSecret({ clock: systemClock, logger });
  const issued =
    secrets === undefined
      ? new SelfSignedCertificates(systemClock, logger)
      : new AcmeCertificates({ store: secrets, clock: systemClock, random: Math.random, logger });
  const controlTls = () => {
    const certificate = config.control.tls && certificates.pin(config.control.tls);
    return certificate && singleServerOptions(certificate, ticketKey(tickets.octets, 'control'));
  };
  let members: ReadonlyMap<string, MemberRecord> = new Map();
  const hop = new HopAuthority({ clock: systemClock, logger });
  const authorities = new AuthorityRotation({
    ...{ authority: hop, clock: systemClock, logger },
    members: () => members.values(),
    isUp: (id) => isHealthy(balancer.view, id),
  });
  const certification = new MemberCertification({ authority: hop, clock: systemClock, random: Math.random, logger });
  const copies = config.workers === 0 ? undefined : new WorkerCopies({ registry, logger, live: (id) => balancer.view.serversNamed(id) });
  const embedded = new EmbeddedGateways({
    ...{ registry, dataDir: config.dataDir, logger, copies },
    graceMs: () => present.shutdown.grace,
  });
  Object.assign(dataPlane, { embedded: embedded.poolOf, beside: copies });
  const balancer = createBalancer({
    hop,
    embedded,
    onMembers: (present) => {
      members = present;
      certification.follow(present.values());
    },
    onStrangers: () => openControl(),
    certificates,
    tickets,
    issued,
    registry,
    own: config.environments.map(({ name }) => name),
    logger,
    clock: systemClock,
    random: Math.random,
    startDataPlane: dataPlane.start,
    graceMs: config.shutdown.grace,
  });
  let openControl = () => {};
  /** Resolves when the admin API is wanted before the listeners are open. */
  const early = new Promise<void>((resolve) => {
    openControl = resolve;
  });
  let control: Control | undefined;
  const stopped = new AbortController();
  let registration: RegistrationEndpoint | undefined;
  // The admin API closes after the balancer: gateways renew their leases through it while requests finish.
  const stop = async () => {
    stopped.abort();
    await balancer.drain(present.shutdown.grace);
    await embedded.stop();
    await dataPlane.flush();
    authorities.stop();
    certification.stop();
    hop.stop();
    await control?.close();
    reader.close();
    if (registry.link.up) await rotation?.stop();
    await registry.close();
  };
  const summary = () => {
    const open = present.environments.filter(({ name }) => balancer.view.listening(name) !== undefined);
    const { length } = open;
    const listens = open.slice(0, maxNamed).map(({ name }) => `${name} on ${balancer.view.listening(name)}`);
    return `Serving ${length === 0 ? 'no environment of the configuration' : listens.join(', ')}${length > maxNamed ? ` and ${length - maxNamed} more` : ''}; control at ${control?.url}`;
  };
  const reload = async (next: Config) => {
    const changed = await loadTokens({ dataDir: config.dataDir, configured: next.control.tokens, env });
    await dataPlane.check(next);
    await rotation?.reload();
    // Everything that can be refused was checked, or is checked in here before the first change.
    await reloadEnvironments(present, next, { registry, reserve: balancer.reserve, logger });
    certificates.reread();
    warnOfRestartOnly(config, next, logger);
    present = next;
    await credentials.replace(changed);
    registration?.recheckTokens();
    await dataPlane.reload(next).catch((error: Error) => {
      throw new SluiceError('unavailable', `environments and tokens are reloaded, but workers or access log are not: ${error.message}`, {
        cause: error,
      });
    });
    logger.info('configuration reloaded');
  };
  try {
    const start = async () => {
      await applyEnvironments(registry, config, logger, { onWait: openControl, signal: stopped.signal });
      await rotation?.start();
      if (secrets !== undefined) await Promise.all([hop.start(secrets), tickets.start(secrets)]);
      if (secrets !== undefined) authorities.start(secrets);
      if (registry.certification !== undefined) certification.start(registry.certification);
      await balancer.start();
    };
    if (!registry.link.up) openControl();
    const starting = start();
    // Fails below, once the admin API is open.
    starting.catch(() => {});
    await Promise.race([starting, early]);
    const { view } = balancer;
    const reports = new ServerReports({
      embedded: (id, project) => embedded.usage(id, project),
      ...{ members: () => members, credentials: () => hop.credentials, clock: systemClock },
      isUp: (id) => isHealthy(view, id),
    });
    const limits = () => present.control.joins;
    const callers = new Callers(config.control.trustedProxies);
    const endpoint = new RegistrationEndpoint({
      registry,
      grantOf,
      logger,
      limits,
      refusals,
      addressOf: (request) => clientNetwork(callers, request),
      isHealthy: (id) => isHealthy(view, id),
    });
    registration = endpoint;
    const shipped = loadShipped();
    control = await startControl({
      listen: config.control.listen,
      trustedProxies: config.control.trustedProxies,
      registry,
      live: view,
      reserve: balancer.reserve,
      certificates,
      controlTls: config.control.tls,
      issued,
      secrets: rotation,
      authorities,
      reports,
      async explain(asked, environment) {
        // Loaded when it is first asked for: a balancer needs nothing else of a gateway server, unless it embeds one.
        const { explainRequest } = await import('../gateway/explain-request.ts');
        return explainRequest(asked, { ...environment, logger, clock: systemClock, random: Math.random });
      },
      secure: controlTls(),
      families: () => embedded.families(),
      accessLogDropped: () => dataPlane.accessLogDropped,
      authorize,
      grantOf,
      joinLimits: limits,
      refusals,
      joined: () => endpoint.joined,
      join: endpoint,
      logger,
      version,
      page: shipped.page,
      description: shipped.openapi,
      sessionKeys: () => credentials.sessionKeys,
      readDocument: reader.read,
      joinToken: () => credentials.joinToken,
      journalFile: join(config.dataDir, 'journal.json'),
    });
    logger.info({ control: control.url }, 'control');
    const { changed } = certificates;
    const renewControl = () => {
      const secure = controlTls();
      if (secure !== undefined) control?.renew(secure);
    };
    certificates.changed = () => {
      changed();
      renewControl();
    };
    tickets.onChange(renewControl);
    await starting;
    for (const { name } of config.environments) {
      const listen = balancer.view.listening(name);
      if (listen !== undefined) logger.info({ environment: name, listen }, 'serving');
    }
    return {
      registry,
      balancer,
      control,
      tokens,
      get config() {
        return present;
      },
      summary,
      reload,
      reopenAccessLog: () => dataPlane.reopenAccessLog(),
      restartWorkers: () => dataPlane.restartWorkers(),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
