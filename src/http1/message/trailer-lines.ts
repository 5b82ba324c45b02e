import { strikeNominated } from './connection-options.ts';
import type { FieldLines } from './field-lines.ts';

/** Trailer fields as complete lines to send on, without those that the head's Connection `nominated`; empty if there are none that may be. */
export function trailerLines(fields: FieldLines | undefined, nominated: readonly string[]): string {
  if (fields === undefined) return '';
  strikeNominated(fields, nominated);
  let lines = '';
  for (let line = 0; line < fields.count; line++) {
    if (fields.id(line) >= 0) lines += fields.text(fields.start(line), fields.start(line + 1));
  }
  return lines;
}
