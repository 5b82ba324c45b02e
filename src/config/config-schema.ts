import * as z from 'zod';
import { environmentSpec } from '../model/environment.ts';
import { address, duration, name } from '../model/quantity.ts';

const token = z.string().regex(/^[\x21-\x7e]{8,256}$/, 'must be 8 to 256 visible ASCII characters without spaces');

const control = z.strictObject({
  listen: address.default('127.0.0.1:9000').meta({
    description:
      'where admin API, registration endpoint, dashboard and metrics are served. Beyond loopback put TLS before it: the tokens go over it',
  }),
  tokens: z
    .strictObject({
      admin: token.optional().meta({
        description: 'secret of operators; better given as SLUICE_ADMIN_TOKEN. None: made at the first start, kept in dataDir',
      }),
      join: token.optional().meta({
        description: 'secret of gateway servers; better given as SLUICE_JOIN_TOKEN. None: made at the first start, kept in dataDir',
      }),
    })
    .prefault({})
    .meta({ description: 'the two secrets' }),
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
        'where environments, projects and servers are kept: embedded:FOLDER for one balancer, redis://… to share it between several. None: embedded:<dataDir>. A password in it is better given as SLUICE_REGISTRY_URL',
    }),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,62}$/, 'must be 1 to 63 letters, digits, ".", "_", ":" or "-"')
    .default('sluice')
    .meta({
      description: 'first part of every Redis key and channel. Balancers and gateways that belong together use the same',
    }),
});

const workers = z
  .union([z.int().min(0).max(256), z.literal('auto')], 'must be auto, or a number of processes from 0 to 256')
  .default(0)
  .meta({
    description:
      'processes that carry traffic, auto: one a processor; 0: it is served in this process. Each keeps connections, retry budget and ejections of its own; numeric limits are divided among them. From or to 0 needs a restart',
  });

const accessLogFormat = z.enum(['json', 'combined']);

const accessLogPlace = z.strictObject({
  format: accessLogFormat.default('json').meta({ description: 'an object a line, or the combined format of Apache and nginx' }),
  path: z.string().min(1).optional().meta({
    description: 'file that is appended to, from the working directory; SIGHUP opens it anew, after it was renamed. None: standard output',
  }),
});

/** A balancer's configuration file. */
export const configSchema = z
  .strictObject({
    control: control.prefault({}).meta({ description: 'the side that operators and gateway servers talk to' }),
    registry: registry.prefault({}).meta({ description: 'the truth about environments, projects, deployments and servers' }),
    dataDir: z.string().min(1).default('./data').meta({
      description:
        'folder for tokens and the embedded registry, from the working directory. Lost with it: tokens, and everything in an embedded registry',
    }),
    workers,
    accessLog: z.union([z.boolean(), accessLogFormat, accessLogPlace]).default(false).meta({
      description:
        'a line for each request, on standard output or in a file; true is json. Costs about a microsecond a request. Traffic never waits for it: up to 8 MiB of lines wait for a slow disk or reader, more are dropped and counted. Without workers a change needs a restart',
    }),
    shutdown: z
      .strictObject({
        grace: duration.prefault('30s').meta({
          description:
            'time that requests in flight get to finish after SIGTERM; 0 cuts them off. Let the supervisor wait longer before it kills',
        }),
      })
      .prefault({})
      .meta({ description: 'how the balancer stops' }),
    environments: z
      .record(name, environmentSpec)
      .default({})
      .meta({ description: 'created or updated at start; others can be made by API and dashboard. None: one called production' }),
  })
  .meta({ id: 'Config', description: 'configuration of a Sluice balancer' });
