import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { parseDocument } from '../config/document.ts';
import { SluiceError } from '../model/fault.ts';
import { project as projectSchema } from '../model/project.ts';
import { gatewayEnvironment } from './gateway-environment.ts';
import { ownProgram, programName } from './own-program.ts';
import { type Served, serve } from './serve.ts';
import { loadShipped } from './shipped.ts';
import { waitForServers } from './wait-for-servers.ts';

/** Time limit in milliseconds for all gateway servers to become healthy. */
const readyMs = 30_000;
/** The places where commands look for a balancer and its tokens by default. */
const defaults = { control: 'http://127.0.0.1:9000', dataDir: './data' };

export interface UpArguments {
  readonly gateways: number;
  readonly config: Config;
}

/** A balancer, gateway servers as child processes, and the sample project with its target, all on one machine. */
export interface Up {
  /** Resolves with the text for the user once every gateway server takes traffic. Rejects with a `SluiceError` if the start failed. */
  readonly started: Promise<string>;
  /** Stops everything, even in the middle of the start; resolves when no child process is left. */
  stop(): Promise<void>;
}

/** Starts everything: balancer, target and gateway servers, in this order. */
export function up({ gateways, config }: UpArguments, logger: Logger): Up {
  const children: Child[] = [];
  let served: Served | undefined;
  let target: Server | undefined;
  let stopping: Promise<void> | undefined;

  const end = async () => {
    await Promise.all(children.map((child) => child.stop()));
    await served?.stop();
    target?.close();
  };
  const stop = () => {
    stopping ??= end();
    return stopping;
  };
  const start = async (): Promise<string> => {
    served = await serve(config, logger);
    target = await startSampleTarget();
    const environment = config.environments[0]?.name ?? 'production';
    const version = await deploySample(served, environment, `http://127.0.0.1:${(target.address() as AddressInfo).port}`);
    for (let number = 1; number <= gateways && stopping === undefined; number++) {
      children.push(new Child(`gateway-${number}`, environment, config, served, logger));
    }
    const embedded = served.config.environments[0]?.spec.embedded === false ? 0 : 1;
    await waitForServers(served.balancer, served.registry, { environment, version, count: gateways + embedded, timeoutMs: readyMs });
    return banner(served, environment, config, gateways);
  };
  const started = start().catch(async (error: unknown) => {
    await stop();
    throw withRemedy(error);
  });
  return { started, stop };
}

/** Names the options that choose other addresses, if one was taken. */
function withRemedy(error: unknown): unknown {
  if (!(error instanceof SluiceError) || (error.cause as NodeJS.ErrnoException | undefined)?.code !== 'EADDRINUSE') return error;
  const remedy = `"${programName} up --listen HOST:PORT --control HOST:PORT" takes other addresses`;
  return new SluiceError(error.code, `${error.message}; ${remedy}`, { cause: error.cause });
}

/** A gateway server in its own process, which ends when this process does. */
class Child {
  readonly #process: ChildProcess;
  #stopping = false;

  constructor(id: string, environment: string, config: Config, served: Served, logger: Logger) {
    const dataDir = join(config.dataDir, id);
    const words = ['gateway', '--join', served.control.url, '--environment', environment, '--id', id, '--data-dir', dataDir];
    // Its own process group, so that Ctrl-C reaches only the parent, which then stops its gateways in order.
    const { file, args } = ownProgram(words);
    this.#process = spawn(file, args, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      detached: true,
      env: gatewayEnvironment(process.env, served.tokens.join),
    });
    this.#process.once('error', (error) => logger.error({ err: error, server: id }, 'a gateway server could not be started'));
    this.#process.once('exit', (code, signal) => {
      if (!this.#stopping) logger.error({ server: id, code, signal }, 'a gateway server ended by itself');
    });
  }

  /** Drains the server; resolves when its process has ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#process.pid === undefined || this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGTERM');
    await once(this.#process, 'exit');
  }
}

/** A target for the sample project, which answers with the method and path that reached it. */
async function startSampleTarget(): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume();
    response.setHeader('content-type', 'application/json');
    response.end(`${JSON.stringify({ hello: 'from the sample target', method: request.method, path: request.url })}\n`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Returns the version of the environment's snapshot that has the sample project. */
async function deploySample({ registry }: Served, environment: string, backend: string): Promise<number> {
  const present = await registry.environment(environment);
  await registry.putEnvironment(environment, { ...present?.input, variables: { ...present?.spec.variables, backend } });
  const { name, revision } = await registry.pushProject(parseDocument(loadShipped().sampleProject, projectSchema));
  const { version } = await registry.deploy(environment, name, { revision });
  return version;
}

/**
 * The dashboard's URL. On a terminal it carries the admin token in its fragment, which the browser sends to no server and the page removes at once.
 * In a file or a pipe it carries none, since a secret would stay there.
 */
function dashboardLink(url: string, token: string): string {
  return process.stdout.isTTY ? `${url}/#token=${encodeURIComponent(token)}` : url;
}

function banner({ balancer, control, tokens }: Served, environment: string, config: Config, gateways: number): string {
  const address = balancer.view.listening(environment) ?? '';
  // Unless the balancer and its tokens are in the default places, commands need options that say where they are.
  const token = (origin: string) =>
    resolve(config.dataDir) !== resolve(defaults.dataDir) && origin.endsWith('.token') ? ` --token "$(cat '${origin}')"` : '';
  const operator = `${control.url === defaults.control ? '' : ` --control ${control.url}`}${token(tokens.origin.admin)}`;
  const servers = `a balancer and ${gateways} gateway server${gateways === 1 ? '' : 's'}`;
  return `
  Sluice is running: ${gateways === 0 ? 'one process that is balancer and gateway server' : servers} in "${environment}", with the sample project "hello".

    Try it      curl http://${address}/hello
    Listener    http://${address}
    Dashboard   ${dashboardLink(control.url, tokens.admin)}
    Admin API   ${control.url}/openapi.json   (token: ${tokens.origin.admin})
    Scale out   ${programName} gateway --join ${control.url} --environment ${environment}${token(tokens.origin.join)}
    Status      ${programName} status${operator}

  Data and tokens are in ${config.dataDir}. Ctrl-C stops everything.
`;
}
