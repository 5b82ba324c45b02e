// The programmatic API of the package: `import { startBalancer, startGateway } from 'sluice'`.
import { fileURLToPath } from 'node:url';
import { type Logger, pino } from 'pino';
import { setProgramFile } from './assembly/own-program.ts';
import { runGateway } from './assembly/run-gateway.ts';
import { serve } from './assembly/serve.ts';
import { waitForServers } from './assembly/wait-for-servers.ts';
import { anyDates, configFrom, loadConfig } from './config/config.ts';
import { parseValue } from './config/document.ts';
import { SluiceError } from './model/fault.ts';
import { pushedProject } from './projects/pushed-project.ts';
import type { BalancerSettings, ProjectFile } from './settings.ts';

export { type BalancerSettings, type ProjectFile, SluiceError };

// Worker processes run the program, not the script that imported this module.
setProgramFile(fileURLToPath(new URL('sluice.mjs', import.meta.url)));

export interface BalancerOptions {
  /** The same settings as in a configuration file, or the path of such a file. Default: all defaults. Environment variables are not read. */
  readonly config?: BalancerSettings | string;
  /** Default: nothing is logged. */
  readonly logger?: Logger;
}

/** A running balancer: load balancer, registration endpoint, admin API and dashboard. */
export interface StartedBalancer {
  /** URL of the admin API, the dashboard and the registration endpoint; gateway servers join here. */
  readonly url: string;
  /** The admin token may do everything, the join token may register servers. */
  readonly tokens: { readonly admin: string; readonly join: string };
  /** `HOST:PORT` at which clients reach an environment (a port of 0 is resolved); undefined while its listener is not open. */
  listening(environment: string): string | undefined;
  /** Pushes `project` and deploys that revision to `environment`. Rejects with a {@link SluiceError} that lists every fault. */
  deploy(environment: string, project: ProjectFile): Promise<{ readonly name: string; readonly revision: number }>;
  /**
   * Resolves once `count` healthy servers of `environment` take traffic. Rejects with a {@link SluiceError} after `timeoutMs`
   * (default 30,000), saying how many did.
   */
  waitForServers(environment: string, count: number, timeoutMs?: number): Promise<void>;
  /** Drains for up to `shutdown.grace`, then closes everything. */
  stop(): Promise<void>;
}

/** Starts a balancer in this process. Rejects with a {@link SluiceError} if a setting is invalid or an address is taken; then nothing is left running. */
export async function startBalancer({ config = {}, logger = silent() }: BalancerOptions = {}): Promise<StartedBalancer> {
  const settings = typeof config === 'string' ? loadConfig({ file: config, env: {}, datesIgnored: anyDates }) : configFrom(config);
  const { registry, balancer, control, tokens, stop } = await serve(settings, logger, {});
  return {
    url: control.url,
    tokens: { admin: tokens.admin, join: tokens.join },
    listening: (environment) => balancer.view.listening(environment),
    async deploy(environment, project) {
      const { name, revision } = await registry.pushProject(parseValue(project, pushedProject));
      await registry.deploy(environment, name, { revision });
      return { name, revision };
    },
    waitForServers: (environment, count, timeoutMs = 30_000) => waitForServers(balancer, registry, { environment, count, timeoutMs }),
    stop,
  };
}

export interface GatewayOptions {
  /** A balancer's URL, or `redis://…`, `rediss://…`, `redis+sentinel://…`. */
  readonly join: string;
  /** The join token, for a balancer's URL. Default: the file `data/join.token`. */
  readonly token?: string;
  /** Default: none; the server registers as available and waits to be added. */
  readonly environment?: string;
  /** `HOST:PORT`. Default `127.0.0.1:0`, a free port. */
  readonly listen?: string;
  /** `HOST:PORT` at which balancers reach the server. Default: where it listens. */
  readonly advertise?: string;
  /** Stable across restarts. Default: generated at the first start and kept in `dataDir`. */
  readonly id?: string;
  /** Share of the requests, relative to the weights of the other servers. Default 1. */
  readonly weight?: number;
  /** Folder for the last good snapshot. Default `data/gateway-<id>`. */
  readonly dataDir?: string;
  /** CIDR ranges of balancers whose `X-Forwarded-*` is believed. Default: this machine. */
  readonly trustedProxies?: readonly string[];
  /** Addresses that targets of projects must not have: `loopback`, `link-local`, `private`, or ranges. Default: `['link-local']`. */
  readonly denyTargets?: readonly string[];
  /** Greatest number of connections. Default `auto`: what the limit of open files leaves room for. */
  readonly maxConnections?: number | 'auto';
  /** File of a certificate, followed by its chain, in PEM, for clients that are given the server's own address. Default: none. */
  readonly tlsCertificate?: string;
  /** File of the private key of `tlsCertificate`. */
  readonly tlsKey?: string;
  /** Default: nothing is logged. */
  readonly logger?: Logger;
}

/** A running gateway server. */
export interface StartedGateway {
  /** `HOST:PORT` that it registers. */
  readonly address: string;
  /** True while it serves a snapshot and is not draining. */
  readonly ready: boolean;
  /** Finishes the requests in flight, leaves the registry, closes everything. */
  stop(): Promise<void>;
}

/**
 * Starts a gateway server in this process. Resolves once it serves a snapshot or is registered as available; while the registry cannot be
 * reached, it keeps trying. Rejects with a {@link SluiceError} if an option is invalid.
 */
export async function startGateway({ listen = '127.0.0.1:0', logger = silent(), ...options }: GatewayOptions): Promise<StartedGateway> {
  const { gateway, stop } = await runGateway({ listen, ...options }, logger);
  await gateway.started;
  return {
    address: gateway.address,
    get ready() {
      return gateway.ready;
    },
    stop,
  };
}

function silent(): Logger {
  return pino({ level: 'silent' });
}
