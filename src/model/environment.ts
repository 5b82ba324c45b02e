import * as z from 'zod';
import { address } from './address.ts';
import { maxPort } from './bounds.ts';
import { checkHost, checkPath, statusRange } from './health-fields.ts';
import { methodName, tokenCharacter } from './http-names.ts';
import { name } from './name.ts';
import { serverTls } from './outgoing-tls.ts';
import type { Pieces } from './pieces.ts';
import { count, duration, weight } from './quantity.ts';
import { readyPath } from './reserved-path.ts';
import { stickySpec } from './sticky.ts';
import { tlsSpec } from './tls.ts';

/** `*` stands for one or more leading labels: `*.example.com`. */
const host = z
  .string()
  .toLowerCase()
  .regex(/^(\*\.)?[a-z0-9]([a-z0-9._-]*[a-z0-9])?$|^\[[0-9a-f:.]+\]$/, 'must be a host name without port, or *.domain');

const hashKey = z
  .string()
  .regex(
    new RegExp(`^(client-ip|client-certificate|path|header:${tokenCharacter}+|cookie:${tokenCharacter}+)$`),
    'must be client-ip, client-certificate, path, header:NAME or cookie:NAME',
  );

/** IP address of a proxy, or a range of addresses. */
export const cidr = z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()], 'must be an IP address or CIDR range, for example 10.0.0.0/8');
/** A size. For most options 0 means no limit. */
const bytes = count.meta({ title: 'bytes' });
const someTime = duration.refine((ms) => ms > 0, 'must be more than 0');
const percent = z.int().min(0).max(100).meta({ title: 'percent' });

/** Health checks of a server. */
const health = z.strictObject({
  path: checkPath.default(readyPath).meta({
    description:
      'path of the GET request; empty: a successful TCP connection is enough. Every Sluice gateway server answers the default path itself. If another kind of server (static, or registered by plain HTTP) gets the default path, any answer below 500 passes, 404 too, whatever `expect` says',
  }),
  host: checkHost
    .default('')
    .meta({ description: "Host of the check's request, and the name that TLS asks for; empty: the address of the server" }),
  port: z.int().min(0).max(maxPort).default(0).meta({
    title: 'port',
    description: "port to check; 0: that of the server's address. Another port may be well while the server's own is not",
  }),
  tls: z.boolean().default(false).meta({
    description:
      'true: the check uses TLS. A static server with `tls` is always checked with its settings, unless `port` names another port; of other servers certificates are not verified, because a check carries no secret',
  }),
  interval: someTime.prefault('2s').meta({
    description:
      'time between two checks of a server, ±10 % at random. A shorter interval detects dead servers sooner and makes more requests',
  }),
  timeout: someTime
    .prefault('1s')
    .meta({ description: 'time for the response, then the check has failed. If it is too short, busy servers are taken out of service' }),
  rise: z.int().min(1).default(2).meta({
    description: 'consecutive checks that must pass before a server that is down is up again. For a new server the first check decides',
  }),
  fall: z.int().min(1).default(3).meta({
    description: 'consecutive checks that must fail before a server is down; with 1, a single failed check takes it out of service',
  }),
  expect: statusRange.default('200-399').meta({ description: 'statuses of a passed check, for example 200 or 200-299,304' }),
});

/** A server listed in the settings, for gateways that do not register themselves. */
const staticServer = z.strictObject({
  id: name,
  address: address.meta({ description: 'where the server is reached: HOST:PORT' }),
  weight: weight.default(1).meta({ description: 'share of requests relative to the other servers; 0: none' }),
  tls: serverTls.optional().meta({ description: 'TLS to the server, its health checks included. Not given: plain' }),
  proxyProtocol: z.enum(['off', 'v1', 'v2']).default('off').meta({
    description:
      "version of the PROXY protocol whose header begins each connection to the server: it tells the client's address. Then every request has a connection of its own. The server must expect the header",
  }),
});

/** The server that a balancer itself is. */
const embeddedServer = z.strictObject({
  id: name.optional().meta({
    description:
      'id of the server. Not given: one is made and kept in the data folder of the balancer. The second of several balancers adds a suffix',
  }),
  weight: weight
    .optional()
    .meta({ description: 'share of requests relative to the other servers; 0: none. Not given: what an operator set, else 1' }),
});

const outlier = z.strictObject({
  consecutiveFailures: count.default(5).meta({
    description:
      'consecutive failures of a server itself (no connection, its own 5xx; of a static server also reset and invalid responses) after which it is ejected; 0: never. Failures of targets, silence and shortages of the balancer do not count',
  }),
  baseEjection: duration.prefault('30s').meta({ description: 'duration of the first ejection; the n-th ejection lasts n times as long' }),
  maxEjection: duration.prefault('300s').meta({ description: 'maximum duration of an ejection' }),
  maxEjectedPercent: percent.default(50).meta({
    description: 'percentage of the servers that may be ejected at the same time. With 100 an environment can be left without servers',
  }),
});

const retries = z.strictObject({
  attempts: z
    .int()
    .min(1)
    .max(10)
    .default(3)
    .meta({ description: 'attempts for a request, the first included, each on another server; 1: no retry' }),
  budgetPercent: percent.default(20).meta({
    description: 'allowed retries, in percent of the requests. A higher value makes an outage worse, since retries add to its load',
  }),
  budgetMin: count.default(3).meta({
    description:
      'retries in the budget at the start, so that the first requests can be retried. The budget saves up at most budgetMin + budgetPercent retries',
  }),
  statuses: z.array(z.int().min(400).max(599)).default([]).meta({
    description:
      'statuses of a response after which the request is tried on another server, for example [502, 503]. Only for methods listed in methods',
  }),
  methods: z.array(methodName).default(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']).meta({
    description:
      'methods that a server may safely execute twice: only these are retried once a request may have reached a server. The default methods are idempotent (RFC 9110 section 9.2.2). With POST, an order may be placed twice',
  }),
  bodyBytes: bytes.default(65536).meta({
    description:
      'bytes of a request body that are kept for a retry; a request with a longer body is not retried. Each request in flight may use that much memory',
  }),
});

/** Limit of client connections; `auto`: what the process has room for. */
export const connectionLimit = z.union(
  [z.int().min(1).max(10_000_000), z.literal('auto')],
  'must be auto, or a number of connections from 1 to 10000000',
);

const limits = z.strictObject({
  connections: connectionLimit.default('auto').meta({
    description:
      'greatest number of client connections of the listener. Beyond it the one that is idle the longest is closed; if none is idle, new ones wait up to 5 s, then get 503. auto: as many as the open-file limit (ulimit -n) of the process leaves room for, with a reserve for servers, control address and files; that limit holds for numbers too. If environments share a listener, the largest value applies',
  }),
  connectionsPerServer: count
    .default(0)
    .meta({ description: 'concurrent exchanges on one server; 0: no limit. Further requests wait in the queue, or get 503' }),
  queue: count.default(0).meta({ description: 'requests that may wait while every server is at its limit; 0: none, they get 503 at once' }),
  queueTimeout: duration.prefault('5s').meta({
    description:
      'maximum wait in the queue, then 503. A value beyond the timeout of the clients wastes work: they no longer wait for the response',
  }),
  headerBytes: z.int().min(1024).max(1_048_576).meta({ title: 'bytes' }).default(32768).meta({
    description:
      'maximum bytes of a request head (beyond: 431) or a response head (beyond: 502). The target in it may take half of that, at least 16384 (beyond: 414). Higher values cost memory for each connection; beyond 32768 start the gateway servers with the same number in SLUICE_HEADER_BYTES. If environments share a listener, the largest value applies',
  }),
  bodyBytes: bytes.default(0).meta({ description: 'maximum bytes of a request body (beyond: 413); 0: no limit' }),
  bodyRate: count.max(1_048_576).meta({ title: 'bytes per second' }).default(500).meta({
    description:
      'least bytes per second of a request body, after timeouts.requestBody (below: 408); 0: no least rate, so that a client which sends a byte now and then holds its connection for ever. Time in which the server does not read does not count. Start the gateway servers with the same number in SLUICE_BODY_RATE. If environments share a listener, the lowest rate applies',
  }),
  tunnelsPerServer: count.default(0).meta({
    description:
      'open upgraded connections (WebSocket) on one server; 0: no limit. They do not count towards connectionsPerServer. Further upgrades get 503',
  }),
});

const timeouts = z.strictObject({
  connect: duration.prefault('3s').meta({ description: 'time to connect to a server, then another server is tried; 0: no limit' }),
  requestHead: duration.prefault('10s').meta({
    description:
      "time for a client's request head, then 408. With 0 slow clients can hold connections. If environments share a listener, the longest time applies",
  }),
  requestBody: duration.prefault('20s').meta({
    description:
      'time that a client may be behind limits.bodyRate with its request body, then 408. If environments share a listener, the longest time applies',
  }),
  clientIdle: duration.prefault('75s').meta({
    description:
      'idle time after which a client connection is closed; 0: never. Set it longer than the idle time of a proxy in front, or the proxy may send requests on closed connections',
  }),
  responseHead: duration.prefault('60s').meta({
    description:
      "time for a server's response head, then 504; 0: no limit, so a server that hangs holds its requests forever. For more than 60s, set the timeouts.responseHead of the projects' targets as well",
  }),
  upstreamIdle: duration.prefault('55s').meta({
    description:
      "idle time after which a connection to a server is closed. Set it shorter than the server's own idle time, or requests may be sent on closed connections",
  }),
  upstreamAge: duration.prefault('1h').meta({
    description:
      'age at which a connection to a server is closed once its exchange has ended, ±10 % at random; 0: no limit. A lower age makes requests reach servers sooner that were added behind a virtual address',
  }),
  total: duration
    .prefault('0s')
    .meta({ description: 'time for a whole exchange, all attempts included; 0: no limit. It also ends long downloads' }),
  tunnel: duration.prefault('0s').meta({
    description:
      'time without octets in either direction after which an upgraded connection (WebSocket) is closed; 0: no limit. Set it longer than the pings of its protocol',
  }),
});

/** Settings of an environment; the same in the configuration file and the admin API. */
export const environmentSpec = z
  .strictObject({
    listen: address.default('127.0.0.1:8080').meta({
      description:
        'address that clients connect to. Environments can share an address; then hosts tells them apart. 0.0.0.0 opens it to the network',
    }),
    hosts: z.array(host).default([]).meta({
      description:
        "host names that the environment serves; *.example.com covers all names below example.com. None: it is the listener's default environment",
    }),
    tls: tlsSpec.optional().meta({
      description:
        'TLS for the clients of the listener. Not given: connections are plain. Environments that share a listener all have it, or none',
    }),
    balance: z
      .enum(['round-robin', 'least-connections', 'random-two', 'ewma', 'hash'])
      .default('round-robin')
      .meta({ description: 'how the server for a request is chosen. least-connections suits requests of uneven length' }),
    hash: z
      .strictObject({
        on: hashKey.default('client-ip').meta({
          description:
            'client-ip, client-certificate, path, header:NAME or cookie:NAME. client-certificate: the subject of the certificate that the client has shown. Behind a proxy that is not listed in trustedProxies, client-ip is the address of the proxy for all clients',
        }),
      })
      .prefault({})
      .meta({ description: 'part of the request that `balance: hash` uses: requests with the same value go to the same server' }),
    exposeServer: z.boolean().default(false).meta({
      description: 'true: responses have the field x-served-by with the id of the server. false: responses do not reveal the server',
    }),
    health: z
      .union([z.literal('off'), health])
      .prefault({})
      .meta({ description: 'health checks of every server; off: a server gets requests as soon as it has joined, until requests fail' }),
    outlier: outlier.prefault({}).meta({ description: 'outlier detection: a server whose exchanges fail gets no requests for a while' }),
    panicThreshold: percent.default(50).meta({
      description:
        'if less than this percentage of the servers is healthy, health is ignored and all servers get requests; 0: never, so that clients get 503 if no server is healthy',
    }),
    slowStart: duration.prefault('0s').meta({
      description: 'time in which the share of a server that came up grows to its full weight; 0: at once',
    }),
    retries: retries.prefault({}).meta({ description: 'when a request is retried on another server' }),
    limits: limits.prefault({}).meta({ description: 'limits for clients and servers' }),
    timeouts: timeouts.prefault({}).meta({ description: 'time limits for each step of an exchange' }),
    sticky: stickySpec.prefault({}).meta({ description: 'keeps a client on one server by a cookie, as long as the server is available' }),
    underscores: z.enum(['drop', 'reject', 'keep']).default('drop').meta({
      description:
        'what happens to fields of clients whose names have an underscore, a dot, or another character than letters, digits and hyphens. CGI and WSGI cannot tell X_User from X-User, so that with keep a client can forge fields that a proxy, Sluice or a policy sets. drop: they are not passed on; reject: 400. If environments share a listener, the strictest applies',
    }),
    trustedProxies: z.array(cidr).default([]).meta({
      description:
        'IP addresses and CIDR ranges of proxies whose X-Forwarded-* fields are believed. A listed proxy can claim any client address. Environments on one listener share their lists',
    }),
    proxyProtocol: z.array(cidr).default([]).meta({
      description:
        'IP addresses and CIDR ranges of load balancers whose connections begin with a header of the PROXY protocol (v1 or v2), which names the client. A connection from a listed address without the header is refused; from any other address the header is a malformed request. Environments on one listener must have the same list',
    }),
    variables: z
      .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be a variable name'), z.string())
      .default({})
      .meta({ description: 'texts that projects use as ${variables.NAME}, for example addresses that differ between environments' }),
    serverTls: z.enum(['auto', 'on', 'off']).default('auto').meta({
      description:
        'mutual TLS between balancers and servers that joined, with certificates that the registry issues. auto: unless both are on one machine; on: always, and servers without it get no requests; off: never. Static servers have `tls` instead',
    }),
    embedded: z.union([z.boolean(), embeddedServer]).default(false).meta({
      description:
        "true: the balancer is itself one of the environment's servers, and its requests need no connection in between; with worker processes, each of them serves them. id and weight as of any server. With several balancers each is one. false: servers join, or are listed in `servers`",
    }),
    hop: z.enum(['auto', 'http1']).default('auto').meta({
      description:
        'connections between balancers and servers that joined. auto: requests share one connection, the link, unless they or their responses are long; http1: each request has an HTTP/1.1 connection. Either way upgrades, static servers and servers without links have HTTP/1.1',
    }),
    servers: z
      .array(staticServer)
      .refine((list) => new Set(list.map((server) => server.id)).size === list.length, 'two servers have the same id')
      .default([])
      .meta({
        description: 'static servers, for gateways that do not register themselves. Sluice sends them requests but no snapshots',
      }),
  })
  .meta({ id: 'EnvironmentSpec', description: 'an environment: its listener, balancing, health and limits' });

/** Checks settings like `environmentSpec.safeParse`: each static server is one piece. Settings with any fault are checked again at once, for the list of faults. */
export function* environmentInPieces(given: unknown): Pieces<z.ZodSafeParseResult<EnvironmentSpec>> {
  const list: unknown = (given as { servers?: unknown } | null | undefined)?.servers;
  if (!Array.isArray(list)) return environmentSpec.safeParse(given);
  const servers: EnvironmentSpec['servers'] = [];
  const ids = new Set<string>();
  for (const one of list) {
    const { success, data } = staticServer.safeParse(one);
    if (!success) return environmentSpec.safeParse(given);
    servers.push(data);
    ids.add(data.id);
    yield;
  }
  const { success, data } = environmentSpec.safeParse({ ...(given as object), servers: [] });
  return success && ids.size === servers.length ? { success, data: { ...data, servers } } : environmentSpec.safeParse(given);
}

/** Ids of the static servers of settings. */
export function staticIds(spec: Pick<EnvironmentSpec, 'servers'>): ReadonlySet<string> {
  const known = idsOf.get(spec.servers) ?? new Set(spec.servers.map(({ id }) => id));
  idsOf.set(spec.servers, known);
  return known;
}

const idsOf = new WeakMap<object, ReadonlySet<string>>();

/** Checked settings with every default filled in; durations in milliseconds. */
export type EnvironmentSpec = z.output<typeof environmentSpec>;
/** Settings as an operator writes them: every key is optional, durations are texts. */
export type EnvironmentSpecInput = z.input<typeof environmentSpec>;
export type HealthSpec = Exclude<EnvironmentSpec['health'], 'off'>;
export type BalanceName = EnvironmentSpec['balance'];

/** A named group of gateway servers that serve the same projects. */
export interface Environment {
  readonly name: string;
  /** The settings as written, for display and storage. They are parsed again when read, so that new defaults apply. */
  readonly input: EnvironmentSpecInput;
  readonly spec: EnvironmentSpec;
  /** Why the stored settings are not understood, or only in part; `spec` has what is. Absent if they are understood entirely. */
  readonly unread?: string;
  /** Ids of static servers that an operator has drained; absent: none. No settings, so that a changed configuration keeps them. */
  readonly drained?: readonly string[];
}
