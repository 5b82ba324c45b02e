import type * as z from 'zod';
import { check } from './check.ts';
import { refusal } from './refusal.ts';
import { readSource } from './source.ts';

/**
 * A YAML 1.2 or JSON text as the value that `schema` makes of it, defaults filled in.
 *
 * Throws a `SluiceError` that carries every fault, each with its dotted path, line and remedy: `malformed` if the text can't be read
 * (syntax, doubled keys, not UTF-8, absurdly deep or large), `too-large` above 1 MiB, `invalid` if it can but says something wrong.
 * @param options.file named in the error's message
 */
export function parseDocument<Schema extends z.ZodType>(
  text: string | Uint8Array,
  schema: Schema,
  options: { file?: string } = {},
): z.output<Schema> {
  const source = readSource(text, options.file);
  const result = check(source.value, schema, source.lineOf);
  if (result.faults) throw refusal('invalid', result.faults, options.file);
  return result.value;
}
