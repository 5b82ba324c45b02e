import type * as z from 'zod';
import { check } from './check.ts';
import { refusal } from './refusal.ts';
import { readSource } from './source.ts';

/**
 * Parses a YAML 1.2 or JSON text and checks it against `schema`, which fills in defaults.
 *
 * Throws a `SluiceError` with every fault, each with its dotted path, line and remedy: `malformed` if the text can't be parsed (syntax,
 * duplicate keys, not UTF-8, nested too deeply), `too-large` above 1 MiB, `invalid` if its content does not fit the schema.
 * @param options.file name for the error's message
 */
export function parseDocument<Schema extends z.ZodType>(
  text: string | Uint8Array,
  schema: Schema,
  options: { file?: string } = {},
): z.output<Schema> {
  return readDocument(text, schema, options).value;
}

/**
 * Like {@link parseDocument}, with the document as it was `given`, before defaults were filled in.
 * @param options.empty stands for a text without content; default: null
 */
export function readDocument<Schema extends z.ZodType>(
  text: string | Uint8Array,
  schema: Schema,
  options: { file?: string; empty?: unknown } = {},
): { readonly given: unknown; readonly value: z.output<Schema> } {
  const source = readSource(text, options.file);
  const given = source.value ?? options.empty ?? null;
  const { value, faults } = check(given, schema, source.lineOf);
  if (faults) throw refusal('invalid', faults, options.file);
  return { given, value };
}

/** Like {@link parseDocument}, for a value that was parsed already. */
export function parseValue<Schema extends z.ZodType>(value: unknown, schema: Schema): z.output<Schema> {
  const result = check(value, schema);
  if (result.faults) throw refusal('invalid', result.faults);
  return result.value;
}
