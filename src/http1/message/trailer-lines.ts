import { strikeNominated } from './connection-options.ts';
import type { EditedFields } from './edited-fields.ts';
import type { FieldLines } from './field-lines.ts';

/**
 * Returns the trailer fields to forward as complete lines: without struck ones, those that the head's Connection `nominated`, and those
 * that `edits` removed from the head. May be empty.
 */
export function trailerLines(fields: FieldLines | undefined, nominated: readonly string[], edits: EditedFields | undefined): string {
  if (fields === undefined) return '';
  strikeNominated(fields, nominated);
  let lines = '';
  for (let line = 0; line < fields.count; line++) {
    if (fields.id(line) >= 0 && edits?.removes(fields, line) !== true) lines += fields.text(fields.start(line), fields.start(line + 1));
  }
  return lines;
}
