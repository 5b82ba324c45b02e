import * as z from 'zod';
import { address, duration, name } from './quantity.ts';

/** `*` stands for one or more leading labels: `*.example.com`. */
const host = z
  .string()
  .toLowerCase()
  .regex(/^(\*\.)?[a-z0-9]([a-z0-9._-]*[a-z0-9])?$|^\[[0-9a-f:.]+\]$/, 'must be a host name without port, or *.domain');

const statusRange = z.string().regex(/^[1-5]\d\d(-[1-5]\d\d)?(,[1-5]\d\d(-[1-5]\d\d)?)*$/, 'must be statuses such as 200 or 200-399');

const hashKey = z
  .string()
  .regex(
    /^(client-ip|path|header:[!#$%&'*+.^_`|~0-9A-Za-z-]+|cookie:[!#$%&'*+.^_`|~0-9A-Za-z-]+)$/,
    'must be client-ip, path, header:NAME or cookie:NAME',
  );

/** Addresses of proxies: one, or a range. */
export const cidr = z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()], 'must be an IP address or CIDR range, for example 10.0.0.0/8');
const count = z.int().min(0);
/** Sizes; 0 mostly means no limit. */
const bytes = count.meta({ title: 'bytes' });
const someTime = duration.refine((ms) => ms > 0, 'must be more than 0');
const percent = z.int().min(0).max(100).meta({ title: 'percent' });
const weight = z.int().min(0).max(65535);

/** Active checks of a server; `off` trusts a server from the moment it joins. */
const health = z.strictObject({
  path: z
    .string()
    .regex(/^(\/[\x21-\x7e]*)?$/, 'must start with / and have no spaces, or be empty for a TCP connection only')
    .default('/.sluice/ready')
    .meta({
      description:
        'what is asked for with GET; empty: being able to connect is enough. The default is answered by every Sluice gateway itself',
    }),
  interval: someTime.prefault('2s').meta({
    description: 'time between two checks of a server, spread by a tenth. Shorter finds dead servers sooner and costs more',
  }),
  timeout: someTime
    .prefault('1s')
    .meta({ description: 'time an answer may take before the check failed. Too short takes busy servers out of service' }),
  rise: z.int().min(1).default(2).meta({
    description: 'checks in a row that must pass before a server that was down is up again. The first check of a new server counts alone',
  }),
  fall: z
    .int()
    .min(1)
    .default(3)
    .meta({ description: 'checks in a row that must fail before a server is down; 1 takes it out at the first hiccup' }),
  expect: statusRange.default('200-399').meta({ description: 'statuses that pass, for example 200 or 200-299,304' }),
});

/** A member given by hand, for gateways that do not register themselves. */
const staticServer = z.strictObject({
  id: name,
  address: address.meta({ description: 'where it is reached: HOST:PORT' }),
  weight: weight.default(1).meta({ description: 'share of requests relative to the others; 0: none' }),
});

const outlier = z.strictObject({
  consecutiveFailures: count
    .default(5)
    .meta({ description: 'failed exchanges in a row (no connection, reset, timeout, 5xx) that eject a server; 0: never' }),
  baseEjection: duration.prefault('30s').meta({ description: 'how long the first ejection lasts; the n-th lasts n times that' }),
  maxEjection: duration.prefault('300s').meta({ description: 'longest ejection' }),
  maxEjectedPercent: percent.default(50).meta({
    description: 'most servers that may be ejected at a time, in percent. 100 can leave an environment without servers',
  }),
});

const retries = z.strictObject({
  attempts: z.int().min(1).max(10).default(3).meta({ description: 'tries of one request in all, each on another server; 1: no retry' }),
  budgetPercent: percent
    .default(20)
    .meta({ description: 'retries allowed, in percent of the requests. Higher makes an outage worse by repeating its load' }),
  budgetMin: count.default(3).meta({ description: 'retries saved up at the start, and kept beside the percentage, for quiet times' }),
  statuses: z.array(z.int().min(400).max(599)).default([]).meta({
    description:
      'statuses of a response that are tried again on another server, for example [502, 503]. Only for requests whose method is among methods',
  }),
  methods: z
    .array(z.string().regex(/^[A-Z]+$/, 'must be methods in capitals, for example GET'))
    .default(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])
    .meta({
      description:
        'methods that may be carried out twice: only these are tried again once a request may have reached a server. The default are idempotent ones (RFC 9110 section 9.2.2). With POST, orders may be placed twice',
    }),
  bodyBytes: bytes.default(65536).meta({
    description:
      'bytes of a request body that are kept to be sent again; with a longer one there is no retry. Each request in flight may hold as many',
  }),
});

const limits = z.strictObject({
  connectionsPerServer: count
    .default(0)
    .meta({ description: 'exchanges at a time on one server; 0: no limit. More wait in the queue, or get 503' }),
  queue: count.default(0).meta({ description: 'requests that may wait when every server is at its limit; 0: none wait, they get 503' }),
  queueTimeout: duration
    .prefault('5s')
    .meta({ description: 'longest wait in the queue, then 503. Longer than clients wait is work for nobody' }),
  headerBytes: z.int().min(1024).max(1_048_576).meta({ title: 'bytes' }).default(32768).meta({
    description:
      'bytes of a request head (then 431) or response head (then 502). Larger ones cost memory a connection; gateway servers take no more than 40960. Of environments on one listener the largest counts',
  }),
  bodyBytes: bytes.default(0).meta({ description: 'bytes of a request body, then 413; 0: no limit' }),
});

const timeouts = z.strictObject({
  connect: duration.prefault('3s').meta({ description: 'time to connect to a server, then another one is tried; 0: no limit' }),
  requestHead: duration.prefault('10s').meta({
    description:
      "time for a client's request head, then 408. 0 lets slow clients hold connections. Of environments on one listener the longest counts",
  }),
  clientIdle: duration.prefault('75s').meta({
    description:
      'idle time of a client connection before it is closed; 0: never. Keep it over that of a proxy in front, or its requests meet closed connections',
  }),
  responseHead: duration.prefault('60s').meta({
    description:
      "time for a server's response head, then 504; 0: no limit, and a server that hangs holds its requests for ever. Beyond 60s the targets of projects need a longer one as well",
  }),
  upstreamIdle: duration.prefault('55s').meta({
    description:
      "idle time of a connection to a server before it is closed. Keep it under the server's own, or requests meet closed connections",
  }),
  total: duration
    .prefault('0s')
    .meta({ description: 'time for a whole exchange, all tries together; 0: no limit. It also ends long downloads' }),
});

/** What an operator says of an environment; the same shape in the configuration file and the admin API. */
export const environmentSpec = z
  .strictObject({
    listen: address.default('127.0.0.1:8080').meta({
      description: 'where clients connect. Environments may share one address and are told apart by hosts. 0.0.0.0 opens it to the network',
    }),
    hosts: z.array(host).default([]).meta({
      description: "host names it answers for, *.example.com for all below. None: it is the listener's default environment",
    }),
    balance: z
      .enum(['round-robin', 'least-connections', 'random-two', 'ewma', 'hash'])
      .default('round-robin')
      .meta({ description: 'who gets the next request. least-connections suits requests of uneven length' }),
    hash: z
      .strictObject({
        on: hashKey.default('client-ip').meta({
          description:
            'client-ip, path, header:NAME or cookie:NAME. Behind a proxy that is not among trustedProxies, client-ip is that proxy for everybody',
        }),
      })
      .prefault({})
      .meta({ description: 'what `balance: hash` tells requests apart by' }),
    exposeServer: z.boolean().default(false).meta({
      description: 'true: responses carry x-served-by with the id of the server. false: clients learn nothing of the servers',
    }),
    health: z
      .union([z.literal('off'), health])
      .prefault({})
      .meta({ description: 'active checks of every server; off trusts a server from the moment it joins until requests fail' }),
    outlier: outlier.prefault({}).meta({ description: 'servers whose exchanges fail are ejected for a while' }),
    panicThreshold: percent.default(50).meta({
      description: 'percent of servers up under which health is ignored and all are used; 0: never, then no server up means 503',
    }),
    slowStart: duration.prefault('0s').meta({
      description: 'time over which a server that came up grows to its full share; 0: at once',
    }),
    retries: retries.prefault({}).meta({ description: 'when a request is tried again on another server' }),
    limits: limits.prefault({}).meta({ description: 'what one client or server may use up' }),
    timeouts: timeouts.prefault({}).meta({ description: 'how long each step may take' }),
    sticky: z
      .strictObject({
        cookie: z
          .string()
          .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]*$/, 'must be a cookie name')
          .default('')
          .meta({ description: 'name of the cookie; empty: not sticky. Clients that stay keep a busy server busy' }),
      })
      .prefault({})
      .meta({ description: 'keeps a client on one server, by a cookie, for as long as the server is there' }),
    trustedProxies: z.array(cidr).default([]).meta({
      description:
        'IP addresses and CIDR ranges whose X-Forwarded-* is believed. Whoever is listed can claim any client address. Environments on one listener share theirs',
    }),
    variables: z
      .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be a variable name'), z.string())
      .default({})
      .meta({ description: 'texts that projects use as ${variables.NAME}, for example addresses that differ between environments' }),
    servers: z
      .array(staticServer)
      .refine((list) => new Set(list.map((server) => server.id)).size === list.length, 'two servers have the same id')
      .default([])
      .meta({
        description:
          'members given by hand, for gateways that do not register themselves. They get no snapshots: what they serve is their own affair',
      }),
  })
  .meta({ id: 'EnvironmentSpec', description: 'an environment: its listener, balancing, health and limits' });

/** A checked specification with every default filled in; durations in milliseconds. */
export type EnvironmentSpec = z.output<typeof environmentSpec>;
/** What an operator may write: every key optional, durations as text. */
export type EnvironmentSpecInput = z.input<typeof environmentSpec>;
export type HealthSpec = Exclude<EnvironmentSpec['health'], 'off'>;
export type BalanceName = EnvironmentSpec['balance'];

/** A named group of gateway servers that serve the same projects. */
export interface Environment {
  readonly name: string;
  /** As written, for showing and storing: it is parsed again when read, so that new defaults apply. */
  readonly input: EnvironmentSpecInput;
  readonly spec: EnvironmentSpec;
}
