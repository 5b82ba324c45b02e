import type { Outbox } from '../http1/connection/outbox.ts';
import type { EditedFields } from '../http1/message/edited-fields.ts';
import type { FieldLines } from '../http1/message/field-lines.ts';

/**
 * Copies a head's lines as they came, in as few pieces as possible. Leaves out lines about the connection (ids below 0), lines whose id
 * is marked in `dropped`, and lines removed by `edits`.
 *
 * @param startLine start of the start line, to copy it too; -1 if it has been written
 */
export function copyLines(out: Outbox, fields: FieldLines, startLine: number, dropped: Uint8Array, edits: EditedFields | undefined): void {
  const { bytes, base, count } = fields;
  let run = startLine;
  for (let line = 0; line < count; line++) {
    const id = fields.id(line);
    const drop = id < 0 || (id > 0 && dropped[id] === 1) || edits?.struck(line) === true;
    if (!drop) {
      if (run < 0) run = fields.start(line);
    } else if (run >= 0) {
      out.octets(bytes, base + run, base + fields.start(line));
      run = -1;
    }
  }
  if (run >= 0) out.octets(bytes, base + run, base + fields.start(count));
}
