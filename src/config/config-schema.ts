import * as z from 'zod';
import { address } from '../model/address.ts';
import { cidr, environmentSpec } from '../model/environment.ts';
import { name } from '../model/name.ts';
import { count, duration } from '../model/quantity.ts';
import { certificateFiles } from '../model/tls.ts';
import { tokens } from './token.ts';

const control = z.strictObject({
  listen: address.default('127.0.0.1:9000').meta({
    description:
      'address of the admin API, the registration endpoint, the dashboard and the metrics. Beyond loopback, give it tls, or put a TLS proxy in front: tokens are sent to it',
  }),
  tls: certificateFiles.optional().meta({
    description:
      'certificate of the control address, which then speaks https and wss only. Clients of a private authority name it with --ca. Not given: plain',
  }),
  trustedProxies: z.array(cidr).default([]).meta({
    description:
      'IP addresses and CIDR ranges of proxies in front of the control address. Their X-Forwarded-For or Forwarded names the client, whose wrong tokens are counted. A request that any proxy passes on is not taken for one from this machine, unless a listed proxy says so',
  }),
  tokens: z
    .strictObject({
      admin: tokens.optional().meta({
        description:
          'secret of operators; better set by SLUICE_ADMIN_TOKEN. Several that are all valid, for example while one is replaced: a list, or a map of names such as { ci: …, anna: … }. Not given: created at the first start and kept in dataDir',
      }),
      join: tokens.optional().meta({
        description:
          'secret of gateway servers of all environments; better set by SLUICE_JOIN_TOKEN. Several that are all valid, for example while one is replaced: a list, or a map of names. Not given: created at the first start and kept in dataDir',
      }),
      joinFor: z.record(name, tokens).optional().meta({
        description:
          'secrets of gateway servers of one environment each: { production: …, staging: [ …, … ] }. Such a server can be in no other environment, and is sent nothing of another one',
      }),
    })
    .prefault({})
    .meta({ description: 'secrets for the control address' }),
  joins: z
    .strictObject({
      servers: count.default(10_000).meta({
        description:
          'most servers registered in one environment through this balancer, lost ones included; those without an environment are counted together. 0: any number',
      }),
      connections: count.default(10_000).meta({ description: 'most open connections of gateway servers that join here. 0: any number' }),
      connectionsPerAddress: count.default(2000).meta({
        description: 'most of these connections from one client address (IPv6: from one /64 network). 0: any number',
      }),
    })
    .prefault({})
    .meta({ description: 'limits for holders of join tokens' }),
});

const registry = z.strictObject({
  url: z
    .string()
    .regex(
      /^(embedded:.+|rediss?(\+(sentinel|cluster))?:\/\/[^/\s].*)$/,
      'must be embedded:FOLDER or a URL such as redis://127.0.0.1:6379/0, rediss://… or redis+sentinel://…',
    )
    .optional()
    .meta({
      description:
        'where environments, projects and servers are stored: embedded:FOLDER for one balancer, redis://… to share them between several balancers. Not given: embedded:<dataDir>. If the URL contains a password, better set it by SLUICE_REGISTRY_URL',
    }),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,62}$/, 'must be 1 to 63 letters, digits, ".", "_", ":" or "-"')
    .default('sluice')
    .meta({
      description: 'prefix of all Redis keys and channels. Balancers and gateway servers that belong together have the same prefix',
    }),
});

const workers = z
  .union([z.int().min(0).max(256), z.literal('auto')], 'must be auto, or a number of processes from 0 to 256')
  .default(0)
  .meta({
    description:
      'worker processes that carry traffic; auto: one for each processor; 0: this process carries it. Each worker has its own connections, retry budget and ejections; numeric limits are divided among the workers. A change from or to 0 needs a restart',
  });

const accessLogFormat = z.enum(['json', 'combined']);

const accessLogPlace = z.strictObject({
  format: accessLogFormat
    .default('json')
    .meta({ description: 'json: one JSON object per line; combined: the combined log format of Apache and nginx' }),
  path: z.string().min(1).optional().meta({
    description:
      'file that lines are appended to, relative to the working directory. SIGHUP opens it again, for example after log rotation renamed it. Not given: standard output',
  }),
});

/** Schema of a balancer's configuration file. */
export const configSchema = z
  .strictObject({
    control: control.prefault({}).meta({ description: 'address and secrets for operators and gateway servers' }),
    registry: registry.prefault({}).meta({ description: 'the store of environments, projects, deployments and servers' }),
    dataDir: z.string().min(1).default('./data').meta({
      description:
        'folder of the tokens and the embedded registry, relative to the working directory. If it is lost, so are the tokens and all data of an embedded registry',
    }),
    workers,
    accessLog: z.union([z.boolean(), accessLogFormat, accessLogPlace]).default(false).meta({
      description:
        'one line for each request, on standard output or in a file; true means json. It costs about a microsecond for each request. Traffic never waits for it: if the disk or reader is slow, up to 8 MiB of lines are buffered, further lines are dropped and counted. Without workers a change needs a restart',
    }),
    shutdown: z
      .strictObject({
        grace: duration.prefault('30s').meta({
          description:
            'time for requests in flight to finish after SIGTERM; 0 aborts them at once. Set a longer stop timeout in the supervisor',
        }),
      })
      .prefault({})
      .meta({ description: 'graceful shutdown' }),
    environments: z.record(name, environmentSpec).default({}).meta({
      description:
        'environments that are created or updated at start; others can be created by API and dashboard. Not given: one called production',
    }),
  })
  .meta({ id: 'Config', description: 'configuration of a Sluice balancer' });
