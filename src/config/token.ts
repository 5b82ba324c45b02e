import * as z from 'zod';
import type { Immutable } from '../model/immutable.ts';
import { name } from '../model/name.ts';

/** A secret that clients send in the `Authorization` field. */
export const token = z.string().regex(/^[\x21-\x7e]{8,256}$/, 'must be 8 to 256 visible ASCII characters without spaces');

/** Most tokens for one purpose that are valid at the same time. */
const maxTokens = 100;

const list = z.array(token).min(1).max(maxTokens);
/** Several tokens by the name of who uses each; names are only for people. */
const byName = z
  .record(name, token)
  .refine((tokens) => Object.keys(tokens).length >= 1 && Object.keys(tokens).length <= maxTokens, `must have 1 to ${maxTokens} tokens`);

/** One token or several: a text, a list, or a map of names. */
export const tokens = z.union([token, list, byName]);

/** One token or several, as configured. */
export type TokenSetting = Immutable<z.output<typeof tokens>>;

/** Lists the tokens of a setting at `path`, each with its own path: a place, or the name that the operator gave it. */
export function tokensOf(setting: TokenSetting, path: readonly string[]): { readonly token: string; readonly path: readonly string[] }[] {
  if (typeof setting === 'string') return [{ token: setting, path }];
  return Object.entries(setting).map(([name, token]) => ({ token, path: [...path, name] }));
}
