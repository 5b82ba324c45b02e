import * as z from 'zod';

const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
/** A thousand years: later dates have no four-digit year. */
const longestMs = 365_000 * unitMs.d;

/** Instant as text in RFC 3339 form, such as `2027-01-31T00:00:00Z`, or as milliseconds since 1970; read as milliseconds. null: never. */
export const expiry = z
  .union(
    [z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)), z.int().min(0), z.null()],
    'must be an instant such as 2027-01-31T00:00:00Z',
  )
  .meta({ description: 'instant in RFC 3339 form, such as 2027-01-31T00:00:00Z; null: never' });

/** Time span of a new key such as `12h`, `90d` or `52w`, read as milliseconds. */
export const lifetime = z
  .string()
  .regex(/^[1-9]\d{0,7}[mhdw]$/, 'must be a time such as 12h, 90d or 52w')
  .transform((text) => Number(text.slice(0, -1)) * unitMs[text.at(-1) as keyof typeof unitMs])
  .refine((ms) => ms <= longestMs, 'must be at most 1000 years')
  .meta({ description: 'a time such as 12h, 90d or 52w' });
