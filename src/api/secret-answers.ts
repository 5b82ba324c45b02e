import * as z from 'zod';
import type { Immutable } from '../model/immutable.ts';

const keyId = z.string().meta({ description: 'id of a key, which tells nothing about the key' });

export const secretsAnswer = z
  .object({
    origin: z.string().meta({ description: "place of this balancer's keys: SLUICE_SECRET_KEY or a file" }),
    keys: z.array(keyId).meta({ description: 'keys of this balancer. The first one seals, all of them open' }),
    unused: z
      .array(keyId)
      .meta({ description: 'keys of this balancer that seal no secret of the registry: those after the first can be dropped' }),
    secrets: z.array(
      z.object({
        name: z.string(),
        key: keyId.nullable().meta({ description: 'id of the key that sealed it; null if it is damaged, or a newer Sluice sealed it' }),
        fault: z.string().nullable().meta({ description: 'why this balancer cannot open it; null if it can' }),
      }),
    ),
    others: z
      .array(z.object({ balancer: z.string(), keys: z.array(keyId) }))
      .meta({ description: 'the other balancers on the registry, with their keys. One that was killed is listed for 3 minutes' }),
  })
  .meta({ id: 'Secrets', description: 'the secrets of the registry without their content, and the keys that seal them' });

export const secretsRotated = secretsAnswer
  .extend({
    resealed: z.int().meta({ description: 'secrets that were sealed with the first key now' }),
    made: z.boolean().meta({ description: 'this balancer made a new key for it' }),
  })
  .meta({ id: 'SecretsRotated', description: 'the secrets of the registry after a rotation of their key' });

export type SecretsAnswer = Immutable<z.input<typeof secretsAnswer>>;
export type SecretsRotated = Immutable<z.input<typeof secretsRotated>>;
