import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { parseDocument } from '../config/document.ts';
import { project as projectSchema } from '../model/project.ts';
import { ownProgram, programName } from './own-program.ts';
import { type Served, serve } from './serve.ts';
import { loadShipped } from './shipped.ts';

/** How long the gateways get to come up, in milliseconds. */
const readyMs = 30_000;
const pollMs = 50;

/** What `sluice up` was told. */
export interface UpArguments {
  readonly gateways: number;
  readonly config: Config;
}

/** Everything on one machine: balancer, gateway servers as child processes, the sample project with a target of its own. */
export interface Up {
  /** What to tell the user. */
  readonly banner: string;
  stop(): Promise<void>;
}

/** Starts it all and settles when every gateway takes traffic. */
export async function up({ gateways, config }: UpArguments, logger: Logger): Promise<Up> {
  const served = await serve(config, logger);
  const target = await startSampleTarget();
  const children: Child[] = [];
  const stop = async () => {
    await Promise.all(children.map((child) => child.stop()));
    await served.stop();
    target.close();
  };
  try {
    const environment = config.environments[0]?.name ?? 'production';
    await deploySample(served, environment, `http://127.0.0.1:${(target.address() as AddressInfo).port}`);
    for (let number = 1; number <= gateways; number++) children.push(new Child(`gateway-${number}`, environment, config, served, logger));
    await untilServing(served, environment, gateways);
    return { banner: banner(served, environment, config, gateways), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A gateway server in a process of its own, that goes when this one does. */
class Child {
  readonly #process: ChildProcess;
  #stopping = false;

  constructor(id: string, environment: string, config: Config, served: Served, logger: Logger) {
    const dataDir = join(config.dataDir, id);
    const words = ['gateway', '--join', served.control.url, '--environment', environment, '--id', id, '--data-dir', dataDir];
    // A process group of its own: Ctrl-C is for the parent, which then stops its gateways in order.
    const { file, args } = ownProgram(words);
    this.#process = spawn(file, args, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      detached: true,
      env: { ...process.env, SLUICE_JOIN_TOKEN: served.tokens.join, SLUICE_LOG_LEVEL: process.env['SLUICE_LOG_LEVEL'] ?? 'warn' },
    });
    this.#process.once('exit', (code, signal) => {
      if (!this.#stopping) logger.error({ server: id, code, signal }, 'a gateway server has ended by itself');
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGTERM');
    await once(this.#process, 'exit');
  }
}

/** A target for the sample project: says hello and shows what reached it. */
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

async function deploySample({ registry }: Served, environment: string, backend: string): Promise<void> {
  const present = await registry.environment(environment);
  await registry.putEnvironment(environment, { ...present?.input, variables: { ...present?.spec.variables, backend } });
  const { name, revision } = await registry.pushProject(parseDocument(loadShipped().sampleProject, projectSchema));
  await registry.deploy(environment, name, { revision });
}

async function untilServing({ balancer }: Served, environment: string, count: number): Promise<void> {
  const deadline = Date.now() + readyMs;
  const serving = () => balancer.view.servers().filter((server) => server.environment === environment && server.health === 'up').length;
  while (serving() < count) {
    if (Date.now() > deadline)
      throw new Error(`only ${serving()} of ${count} gateway servers came up within ${readyMs / 1000} s; see the log above`);
    await new Promise<void>((resolve) => setTimeout(resolve, pollMs));
  }
}

/** On a terminal it signs in by itself: the fragment reaches no server, and the page drops it at once. Elsewhere it would be a secret in a file. */
function dashboardLink(url: string, token: string): string {
  return process.stdout.isTTY ? `${url}/#token=${encodeURIComponent(token)}` : url;
}

function banner({ balancer, control, tokens }: Served, environment: string, config: Config, gateways: number): string {
  const address = balancer.view.listening(environment) ?? '';
  return `
  Sluice is running: a balancer and ${gateways} gateway server${gateways === 1 ? '' : 's'} in "${environment}", with the sample project "hello".

    Try it      curl http://${address}/hello
    Traffic     http://${address}
    Dashboard   ${dashboardLink(control.url, tokens.admin)}
    Admin API   ${control.url}/openapi.json   (token: ${tokens.origin.admin})
    Scale out   ${programName} gateway --join ${control.url} --environment ${environment}
    Look        ${programName} status

  Data and tokens are in ${config.dataDir}. Ctrl-C stops everything.
`;
}
