import { readdir, readFile } from 'node:fs/promises';
import t, { test } from 'tap';
import type * as z from 'zod';
import { settingsTypes } from '../../config/settings-types.ts';
import { loadConfig, readConfig } from '../../src/config/config.ts';
import type { configSchema } from '../../src/config/config-schema.ts';
import { listenerConflicts } from '../../src/config/listener-conflicts.ts';
import { environmentSpec } from '../../src/model/environment.ts';
import { SluiceError } from '../../src/model/fault.ts';
import type { project } from '../../src/model/project.ts';
import type { BalancerSettings, ProjectFile } from '../../src/settings.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { textOf } from '../tools/source-files.ts';

function faultsOf(text: string, env: NodeJS.ProcessEnv = {}): [number | undefined, string, string][] {
  try {
    readConfig(text, { file: 'sluice.yaml', env });
  } catch (error) {
    if (error instanceof SluiceError) return error.faults.map(({ line, path, message }) => [line, path, message]);
    throw error;
  }
  throw new Error('was accepted');
}

test('without file and variables: the documented defaults, with one environment called production', async (t) => {
  const config = loadConfig({ env: { PATH: '/bin' } });
  const { environments, ...rest } = config;
  t.strictSame(rest, {
    folder: process.cwd(),
    control: {
      listen: '127.0.0.1:9000',
      trustedProxies: [],
      tokens: {},
      joins: { servers: 10_000, connections: 10_000, connectionsPerAddress: 2000 },
    },
    registry: { url: 'embedded:./data', prefix: 'sluice' },
    dataDir: './data',
    workers: 0,
    accessLog: false,
    shutdown: { grace: 30_000 },
  });
  t.strictSame(
    environments.map(({ name, input }) => [name, input]),
    [['production', {}]],
  );
  t.match(environments[0]?.spec, {
    listen: '127.0.0.1:8080',
    balance: 'round-robin',
    health: { path: '/.sluice/ready', interval: 2000, timeout: 1000, rise: 2, fall: 3, expect: '200-399' },
    outlier: { consecutiveFailures: 5, baseEjection: 30_000, maxEjection: 300_000, maxEjectedPercent: 50 },
    panicThreshold: 50,
    slowStart: 0,
    retries: { attempts: 3, budgetPercent: 20, budgetMin: 3 },
    limits: { connectionsPerServer: 0, queue: 0, queueTimeout: 5000, headerBytes: 32768, bodyBytes: 0, bodyRate: 500, tunnelsPerServer: 0 },
    timeouts: {
      connect: 3000,
      requestHead: 10_000,
      requestBody: 20_000,
      clientIdle: 75_000,
      responseHead: 60_000,
      upstreamIdle: 55_000,
      upstreamAge: 3_600_000,
      total: 0,
    },
    sticky: { cookie: '' },
  });
});

test('an environment keeps its settings as written, beside the checked ones', async (t) => {
  const dir = ownFolder(t, {
    'sluice.yaml': 'dataDir: /srv\nenvironments:\n  live: { listen: "[::1]:80", slowStart: 5m }\n  test: { listen: 127.0.0.1:81 }\n',
  });
  const config = loadConfig({ file: `${dir}/sluice.yaml`, env: {} });
  t.equal(config.registry.url, 'embedded:/srv', 'the embedded registry is in dataDir');
  t.strictSame(
    config.environments.map(({ name }) => name),
    ['live', 'test'],
  );
  t.strictSame(config.environments[0]?.input, { listen: '[::1]:80', slowStart: '5m' });
  t.equal(config.environments[0]?.spec.slowStart, 300_000);
});

test('the configuration is deeply frozen', async (t) => {
  const config = readConfig('environments: { a: { servers: [{ id: x, address: "127.0.0.1:1" }] } }', { env: {} });
  t.throws(() => Object.assign(config.shutdown, { grace: 1 }), TypeError);
  t.throws(() => Object.assign(config.environments[0]?.spec.servers[0] ?? {}, { weight: 9 }), TypeError);
  t.throws(() => Object.assign(config.environments[0]?.input ?? {}, { listen: '' }), TypeError);
});

test('every scalar can be set by a variable, which overrides the file', async (t) => {
  const text =
    'accessLog: false\nshutdown: { grace: 1s }\nenvironments:\n  blue-green: { variables: { backend: "http://a" }, health: { fall: 5 } }\n';
  const config = readConfig(text, {
    env: {
      SLUICE_CONTROL_LISTEN: '127.0.0.1:1',
      SLUICE_REGISTRY_URL: 'redis://r:6379/0',
      SLUICE_REGISTRY_PREFIX: '42',
      SLUICE_DATA_DIR: '7',
      SLUICE_WORKERS: '0',
      SLUICE_ACCESS_LOG: 'true',
      SLUICE_SHUTDOWN_GRACE: '0',
      SLUICE_ADMIN_TOKEN: '12345678',
      SLUICE_CONTROL_TOKENS_JOIN: 'join-token',
      SLUICE_ENVIRONMENTS_BLUE_GREEN_LISTEN: '127.0.0.1:2',
      SLUICE_ENVIRONMENTS_BLUE_GREEN_LIMITS_HEADER_BYTES: '2048',
      SLUICE_ENVIRONMENTS_BLUE_GREEN_HEALTH_PATH: '/well',
      SLUICE_ENVIRONMENTS_BLUE_GREEN_VARIABLES_BACKEND: 'http://b',
    },
  });
  t.match(config, {
    control: { listen: '127.0.0.1:1', tokens: { admin: '12345678', join: 'join-token' } },
    registry: { url: 'redis://r:6379/0', prefix: '42' },
    dataDir: '7',
    accessLog: true,
    shutdown: { grace: 0 },
  });
  t.match(config.environments[0]?.spec, {
    listen: '127.0.0.1:2',
    limits: { headerBytes: 2048 },
    health: { path: '/well', fall: 5 },
    variables: { backend: 'http://b' },
  });
  const off = readConfig('', { env: { SLUICE_ENVIRONMENTS_PRODUCTION_HEALTH: 'off' } });
  t.equal(off.environments[0]?.spec.health, 'off');
});

test('faults in variables name the variable, and an unknown variable is a fault', async (t) => {
  const env = {
    SLUICE_CONTORL_LISTEN: '127.0.0.1:1',
    SLUICE_ENVIRONMENTS_STAGING_LISTEN: '127.0.0.1:1',
    SLUICE_BLAH: '1',
    SLUICE_ACCESS_LOG: 'yes',
    SLUICE_WORKERS: 'many',
    SLUICE_ENVIRONMENTS_PRODUCTION_PANIC_THRESHOLD: '101',
  };
  t.strictSame(faultsOf('shutdown:\n  grace: 4\n', env), [
    [undefined, 'SLUICE_CONTORL_LISTEN', 'is not a variable of Sluice: did you mean SLUICE_CONTROL_LISTEN?'],
    [undefined, 'SLUICE_ENVIRONMENTS_STAGING_LISTEN', 'is not a variable of Sluice: did you mean SLUICE_ENVIRONMENTS_PRODUCTION_LISTEN?'],
    [undefined, 'SLUICE_BLAH', 'is not a variable of Sluice: unset it'],
    [undefined, 'workers', '(from the variable SLUICE_WORKERS) must be auto, or a number of processes from 0 to 256'],
    [undefined, 'accessLog', '(from the variable SLUICE_ACCESS_LOG) must be true or false or one of "json", "combined" or a map'],
    [
      undefined,
      'environments.production.panicThreshold',
      '(from the variable SLUICE_ENVIRONMENTS_PRODUCTION_PANIC_THRESHOLD) must be at most 100',
    ],
    [2, 'shutdown.grace', 'must be a time such as 250ms, 2s or 5m'],
  ]);
});

test('variables of the command line, of gateway servers, of the tests and of Kubernetes are ignored', async (t) => {
  const env: NodeJS.ProcessEnv = {};
  for (const name of [
    'CONTROL',
    'LOG_LEVEL',
    'TEST_REDIS',
    'JOIN',
    'ENVIRONMENT',
    'SERVICE_HOST',
    'SERVICE_PORT_HTTP',
    'PORT',
    'PORT_80_TCP_ADDR',
  ]) {
    env[`SLUICE_${name}`] = 'x';
  }
  env['SLUICE_CONTROL_SERVICE_HOST'] = 'a service called sluice-control';
  t.equal(readConfig('', { env }).control.listen, '127.0.0.1:9000');
});

test('no variable that any part of Sluice reads is unknown to a balancer', async (t) => {
  const folder = new URL('../../src/', import.meta.url);
  const sources = (await readdir(folder, { recursive: true })).filter((path) => path.endsWith('.ts'));
  const texts = await Promise.all(sources.map((path) => readFile(new URL(path, folder), 'utf8')));
  const names = new Set(texts.flatMap((text) => [...text.matchAll(/'(SLUICE_[A-Z_]*[A-Z])'/g)].map(([, name = '']) => name)));
  t.ok(names.has('SLUICE_CA') && names.has('SLUICE_HEADER_BYTES'), 'names are found');
  for (const name of names) t.notMatch(readFaults(name), /is not a variable/, name);

  function readFaults(name: string): string {
    try {
      readConfig('', { env: { [name]: 'x' } });
      return '';
    } catch (error) {
      return String((error as SluiceError).faults.map(({ message }) => message));
    }
  }
});

test('listeners that conflict are faults', async (t) => {
  const text = `
control: { listen: 127.0.0.1:7000 }
environments:
  a: { listen: 127.0.0.1:1 }
  b: { listen: 127.0.0.1:1 }
  c: { listen: 0.0.0.0:7000 }
  d.e:
    listen: 127.0.0.1:2
    hosts: [x.com, "*.x.com"]
    servers: [{ id: q, address: "127.0.0.1:2" }]
  f: { listen: 127.0.0.1:2, hosts: [X.com] }
  g: { listen: 0.0.0.0:2 }
  free: { listen: 127.0.0.1:1, hosts: [other.com] }
`;
  const shared = 'overlaps with 127.0.0.1:2 of';
  const remedy = 'use the same address in both, or another port';
  t.strictSame(faultsOf(text), [
    [
      5,
      'environments.b.hosts',
      'is empty, as in "a" on the same listener 127.0.0.1:1: list the hosts of one of them, or give it another port',
    ],
    [6, 'environments.c.listen', 'is the address of control.listen as well (127.0.0.1:7000): give one of them another port'],
    [10, 'environments.d.e.servers.0.address', "is the environment's own listener: its requests would loop"],
    [11, 'environments.f.hosts', 'lists "x.com", which belongs to "d.e" on the same listener'],
    [12, 'environments.g.listen', `${shared} "d.e": ${remedy}`],
    [12, 'environments.g.listen', `${shared} "f": ${remedy}`],
  ]);
  const anyPort = readConfig('control: { listen: 127.0.0.1:0 }\nenvironments: { a: { listen: 127.0.0.1:0 } }', { env: {} });
  t.equal(anyPort.environments[0]?.spec.listen, '127.0.0.1:0', 'port 0 never conflicts: the kernel picks a free port');
});

test('a static server in two environments is a fault', (t) => {
  const servers = (address: string) => `    servers:\n      - { id: a, address: ${address} }\n`;
  const one = `environments:\n  one:\n    listen: 127.0.0.1:1\n${servers('127.0.0.1:7')}`;
  t.strictSame(faultsOf(`${one}  two:\n    listen: 127.0.0.1:2\n${servers('127.0.0.1:8')}`), [
    [
      9,
      'environments.two.servers.0.id',
      'is the id of a server in "one" as well, and commands name a server by its id alone: call them for example "two-a" and "one-a"; they may have the same address',
    ],
  ]);
  const renamed = `${one.replace('id: a', 'id: one-a')}  two:\n    listen: 127.0.0.1:2\n${servers('127.0.0.1:7').replace('id: a', 'id: two-a')}`;
  t.equal(readConfig(renamed, { env: {} }).environments.length, 2, 'what the message says works');
  t.end();
});

test('a join token for an environment that does not exist, or a token for two purposes, is a fault', (t) => {
  const text = `control:
  tokens:
    admin: { ci: the-token-of-ci, anna: the-token-of-anna }
    join: [the-join-token, the-token-of-anna]
    joinFor:
      production: { rack1: the-token-of-rack1 }
      staging:
        - the-token-of-staging
      prod: the-token-of-rack1
environments:
  production: { listen: 127.0.0.1:1 }
  staging: { listen: 127.0.0.1:2 }
`;
  t.strictSame(faultsOf(text), [
    [
      9,
      'control.tokens.joinFor.prod',
      'there is no environment "prod" in this configuration: add it under environments, or give the token for one of production, staging',
    ],
    [4, 'control.tokens.join.1', 'is the same token as control.tokens.admin.anna: give each purpose a token of its own'],
    [
      9,
      'control.tokens.joinFor.prod',
      'is the same token as control.tokens.joinFor.production.rack1: give each purpose a token of its own',
    ],
  ]);
  const { control } = readConfig(
    text.replace(/, the-token-of-anna\]|^ *prod: .*\n/gm, (cut) => (cut.startsWith(',') ? ']' : '')),
    { env: {} },
  );
  t.same(control.tokens.joinFor, { production: { rack1: 'the-token-of-rack1' }, staging: ['the-token-of-staging'] });
  t.strictSame(faultsOf('control: { tokens: { joinFor: { production: short } } }\n'), [
    [1, 'control.tokens.joinFor.production', 'must be 8 to 256 visible ASCII characters without spaces'],
  ]);
  t.end();
});

test('documents of the wrong shape, and files that cannot be read, are refused', async (t) => {
  t.strictSame(faultsOf('- a\n'), [[1, '', 'must be a map, not a list']]);
  t.strictSame(faultsOf('environments: [a]\n'), [[1, 'environments', 'must be a map, not a list']]);
  t.strictSame(faultsOf('environments:\n  production:\n'), [[2, 'environments.production', 'is empty: give a map, or leave it out']]);
  t.strictSame(faultsOf('registry: { url: "http://x" }\n')[0]?.slice(0, 2), [1, 'registry.url']);
  t.strictSame(faultsOf('control: { tokens: { join: ["long-enough", "short"] } }\n'), [
    [1, 'control.tokens.join.1', 'must be 8 to 256 visible ASCII characters without spaces'],
  ]);
  t.strictSame(faultsOf('control: { tokens: { admin: "short" } }\n'), [
    [1, 'control.tokens.admin', 'must be 8 to 256 visible ASCII characters without spaces'],
  ]);
  for (const file of ['/nowhere/sluice.yaml', '/']) {
    t.throws(() => loadConfig({ file, env: {} }), { code: 'not-found', message: /^cannot read .*: (there is no such file|EISDIR)$/ });
  }
});

test('environments may have the names of inherited properties', async (t) => {
  const config = readConfig('environments: { constructor: { listen: "127.0.0.1:5" }, toString: {} }', { env: {} });
  t.strictSame(
    config.environments.map(({ name, spec }) => [name, spec.listen]),
    [
      ['constructor', '127.0.0.1:5'],
      ['toString', '127.0.0.1:8080'],
    ],
  );
});

/** Fails to compile unless `From` can be given where `To` is asked for. */
type Assignable<From extends To, To> = From;

// The types that users see, and those that the schemas infer, are the same in both directions.
export type Checked = [Assignable<BalancerSettings, z.input<typeof configSchema>>, Assignable<ProjectFile, z.input<typeof project>>];

test('src/settings.ts is current: `npm run schema` after changes', async (t) => {
  t.equal(textOf('src/settings.ts'), await settingsTypes());
});

const listen = '127.0.0.1:8080';

function conflicts(one: string[], other: string[]): string[] {
  const a = environmentSpec.parse({ listen, proxyProtocol: one });
  const b = environmentSpec.parse({ listen, hosts: ['b.com'], proxyProtocol: other });
  return listenerConflicts('127.0.0.1:7000', { a, b }).map(({ path }) => path.join('.'));
}

t.test('environments on one listener list the same senders of the PROXY protocol', async (t) => {
  t.strictSame(conflicts(['10.0.0.0/8'], []), ['environments.b.proxyProtocol']);
  t.strictSame(conflicts([], ['::1']), ['environments.b.proxyProtocol']);
  t.strictSame(conflicts(['10.0.0.0/8', '::1'], ['::1', '10.0.0.0/8']), []);
});

t.test('a sender is an IP address or a range, and the version for a static server is off, v1 or v2', async (t) => {
  t.notOk(environmentSpec.safeParse({ proxyProtocol: ['lb.example.com'] }).success);
  const server = (proxyProtocol: string) => environmentSpec.safeParse({ servers: [{ id: 'a', address: '127.0.0.1:1', proxyProtocol }] });
  for (const version of ['off', 'v1', 'v2']) t.ok(server(version).success, version);
  t.notOk(server('v3').success);
});
