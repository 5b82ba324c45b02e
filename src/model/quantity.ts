import * as z from 'zod';
import { maxWeight } from './bounds.ts';

/** Whole number from 0. */
export const count = z.int().min(0);

/** Share of the requests that a server or URL gets, relative to the other weights; 0: none. */
export const weight = z.int().min(0).max(maxWeight);

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

// Zod reports the union's message for anything but a text, and the pattern's message for a text that is not a time.
const wrongDuration = 'must be a time such as 250ms, 2s or 5m';

/** Time span such as `250ms`, `2s` or `5m`, read as milliseconds. `0` and `0s` mean none. */
export const duration = z
  .union([z.literal(0), z.string().regex(/^\d+(\.\d+)?(ms|s|m|h)$/, wrongDuration)], wrongDuration)
  .transform((text) => {
    if (text === 0) return 0;
    const [, amount = '0', unit = 'ms'] = /^([\d.]+)(\D+)$/.exec(text) ?? [];
    return Math.round(Number(amount) * unitMs[unit as keyof typeof unitMs]);
  })
  // A longer delay overflows Node's timers, which then fire at once.
  .refine((ms) => ms < 2 ** 31, 'must be at most 596h')
  .meta({ title: 'time', description: 'a time such as 250ms, 2s, 5m; 0 means none' });
