import { type Command, Option } from 'commander';
import { readAddress, readConnections, readCount, readName, readRanges, readWeight } from './argument-readers.ts';
import { ExactCommand } from './exact-command.ts';
import type { Terminal } from './terminal/terminal.ts';

export interface ServeOptions {
  readonly config?: string;
}

export interface GatewayOptions {
  /** `redis://…` or a balancer's `http(s)://…`. */
  readonly join: string;
  readonly environment?: string;
  /** Default `127.0.0.1:0`. */
  readonly listen: string;
  readonly advertise?: string;
  readonly id?: string;
  readonly weight?: number;
  /** Default `./data/gateway-<id>`. */
  readonly dataDir?: string;
  readonly token?: string;
  /** Default: `SLUICE_CA`, else the authorities that Node.js knows. */
  readonly ca?: string;
  /** Default: this machine. */
  readonly trustedProxies?: readonly string[];
  /** Default: `SLUICE_DENY_TARGETS`, else link-local. */
  readonly denyTargets?: readonly string[];
  readonly maxConnections?: number | 'auto';
  readonly tlsCertificate?: string;
  readonly tlsKey?: string;
}

export interface UpOptions {
  readonly config?: string;
  /** Default 2. */
  readonly gateways: number;
  /** `HOST:PORT` for clients, instead of the first environment's `listen`. */
  readonly listen?: string;
  /** `HOST:PORT` for operators and gateway servers, instead of `control.listen`. */
  readonly control?: string;
}

/** The roles of a process; each runs until a signal stops it. */
export interface Roles {
  serve(options: ServeOptions): Promise<void>;
  gateway(options: GatewayOptions): Promise<void>;
  up(options: UpOptions): Promise<void>;
}

/** The commands that are roles. Throws commander's errors instead of ending the process. */
export function roleProgram(roles: Roles, version: string, terminal: Pick<Terminal, 'plain' | 'out' | 'err' | 'columns'>): Command {
  const program = new ExactCommand('sluice')
    .description('Sluice, a self-contained API gateway with an embedded load balancer')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'show what a command does, its arguments and options')
    .option('--no-color', 'no colours, with any command (also NO_COLOR; FORCE_COLOR turns colours on even in files and pipes)')
    .on('option:no-color', () => terminal.plain())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
      getOutHelpWidth: () => terminal.columns ?? 100,
      getErrHelpWidth: () => terminal.columns ?? 100,
    })
    .showHelpAfterError('(--help lists commands and options)');

  program
    .command('up')
    .description('run everything on this machine: balancer, gateway servers, a sample project')
    .option('--gateways <n>', 'number of gateway servers; 0: one process is balancer and gateway server', readCount, 2)
    .option('--config <file>', "the balancer's configuration")
    .option('--listen <host:port>', "address for clients (default: the configuration's, else 127.0.0.1:8080)", readAddress)
    .option(
      '--control <host:port>',
      "address for operators and gateway servers (default: the configuration's, else 127.0.0.1:9000)",
      readAddress,
    )
    .action((options: UpOptions) => roles.up(options));

  program
    .command('serve')
    .description('run the balancer: load balancer, registration endpoint, admin API, dashboard')
    .option('--config <file>', "the balancer's configuration file (default: none; every setting has a default)")
    .addHelpText('after', '\nExample:\n  sluice serve --config config/production.yaml')
    .action((options: ServeOptions) => roles.serve(options));

  program
    .command('gateway')
    .description('run a gateway server, which registers itself')
    .addOption(
      // Also as a variable: the command line, and with it the password in a Redis URL, is visible to every user of the machine.
      new Option('--join <url>', "where to register: redis://…, rediss://…, redis+sentinel://… or a balancer's http(s)://…")
        .env('SLUICE_JOIN')
        .makeOptionMandatory(),
    )
    .option('--environment <name>', 'the environment to join (default: none; the server waits to be added to one)', readName)
    .option('--listen <host:port>', 'address to serve on; port 0 picks any free port', readAddress, '127.0.0.1:0')
    .option('--advertise <host:port>', 'address that balancers connect to (default: the address of --listen)', readAddress)
    .option('--id <id>', 'id of the server, stable across restarts (default: generated at the first start)', readName)
    .option('--weight <n>', 'share of the requests, relative to the weights of the other servers', readWeight)
    .option('--data-dir <dir>', 'folder for the last good snapshot (default ./data/gateway-<id>)')
    .option(
      '--trusted-proxies <ranges>',
      'balancers whose X-Forwarded-* headers are trusted, as 10.0.0.0/8,… (default: this machine)',
      readRanges,
    )
    .option(
      '--deny-targets <list>',
      'addresses that targets of projects must not have: loopback, link-local, private, none, or ranges (default: SLUICE_DENY_TARGETS, else link-local)',
      (text: string) => text.split(/[\s,]+/).filter((entry) => entry !== ''),
    )
    .addOption(
      new Option(
        '--max-connections <n>',
        'greatest number of connections, or auto: what the limit of open files leaves room for (default: auto)',
      )
        .env('SLUICE_MAX_CONNECTIONS')
        .argParser(readConnections),
    )
    .addOption(
      new Option(
        '--tls-certificate <file>',
        "certificate for clients that are given this server's own address, followed by its chain, in PEM (default: none)",
      ).env('SLUICE_TLS_CERTIFICATE'),
    )
    .addOption(new Option('--tls-key <file>', 'private key of --tls-certificate, in PEM').env('SLUICE_TLS_KEY'))
    .option(
      '--token <token>',
      'a join token, for all environments or for the one that is joined; needed for http(s) (default: SLUICE_JOIN_TOKEN, else the one in ./data/join.token)',
    )
    .option(
      '--ca <file>',
      'authorities that a https:// balancer is checked against, in PEM (default: SLUICE_CA, else those that Node.js knows)',
    )
    .addHelpText('after', '\nExample:\n  sluice gateway --join http://127.0.0.1:9000 --environment production')
    .action((options: GatewayOptions) => roles.gateway(options));
  return program;
}
