import { strikeNominated } from './connection-options.ts';
import type { FieldLines } from './field-lines.ts';

/**
 * Returns the trailer fields to forward as complete lines: without struck ones and those that the head's Connection `nominated`. May be
 * empty.
 */
export function trailerLines(fields: FieldLines | undefined, nominated: readonly string[]): string {
  if (fields === undefined) return '';
  strikeNominated(fields, nominated);
  let lines = '';
  for (let line = 0; line < fields.count; line++) {
    if (fields.id(line) >= 0) lines += fields.text(fields.start(line), fields.start(line + 1));
  }
  return lines;
}
