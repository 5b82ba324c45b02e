import * as z from 'zod';
import type { Immutable } from '../model/immutable.ts';

const date = z.number().meta({ description: 'wall clock, milliseconds since 1970' });

export const authoritiesAnswer = z
  .object({
    rotating: z.boolean().meta({ description: 'an authority is being replaced' }),
    authorities: z.array(
      z.object({
        id: z.string().meta({ description: 'names the authority by its public key' }),
        stage: z.enum(['present', 'next', 'past']).meta({
          description:
            'present: it certifies balancers and servers; next: servers learn of it first; past: what it certified is believed until all of it is certified again',
        }),
        own: z.boolean().meta({ description: 'this balancer has its key' }),
        usedAt: date.meta({ description: 'date at which a balancer last said that it uses it' }),
        since: date.optional().meta({ description: 'date from which it is in its stage; absent if it was never replaced' }),
      }),
    ),
    waitingFor: z.array(z.string()).meta({ description: 'servers without the certificate that the next step needs, 20 at most' }),
    waiting: z.int().meta({ description: 'number of all these servers' }),
  })
  .meta({ id: 'Authorities', description: 'the authorities of the certificates between balancers and gateway servers' });

export type AuthoritiesAnswer = Immutable<z.input<typeof authoritiesAnswer>>;
