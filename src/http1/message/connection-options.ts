import type { FieldLines } from './field-lines.ts';
import { fieldIdOf, fieldIds, lastProtectedId } from './field-names.ts';
import type { MessageHead } from './message-head.ts';
import { COMMA, endOfRun, isSpace, spells, TOKEN } from './octets.ts';
import { type WireFault, wireFaults } from './wire-fault.ts';

/** Options in one head; more cannot be meant well, as each is looked for among all fields. */
const mostOptions = 32;

const noNames: readonly string[] = [];

/**
 * Fills in what a head's Connection lines say (RFC 9112 section 9.3, RFC 9110 section 7.6.1) and strikes the lines that they nominate.
 * Nominating a field up to {@link lastProtectedId} is refused rather than obeyed or ignored: obeying lets a client strip what a proxy
 * before us has added (X-Forwarded-For) or what the server relies on (Cookie, Authorization, Host); ignoring breaks the RFC's MUST.
 * @param hasUpgrade there is an Upgrade field
 */
export function readConnection(head: MessageHead, hasUpgrade: boolean): WireFault | undefined {
  const { fields } = head;
  const { bytes, base } = fields;
  let close = false;
  let keepAlive = false;
  let upgrade = false;
  let nominated = noNames;
  let options = 0;
  for (let line = fields.indexOf(fieldIds.connection); line >= 0; line = fields.indexOf(fieldIds.connection, line + 1)) {
    let at = base + fields.valueStart(line);
    const end = base + fields.valueEnd(line);
    if (spells(bytes, at, end, 'keep-alive')) {
      keepAlive = true;
      continue;
    }
    while (at < end) {
      const start = at;
      at = endOfRun(bytes, start, end, TOKEN);
      const optionEnd = at;
      while (at < end && isSpace(bytes[at])) at++;
      if (optionEnd === start) {
        // An empty element, or white space before one.
        if (at === start && bytes[at++] !== COMMA) return wireFaults.badConnection;
        continue;
      }
      if (at < end && bytes[at] !== COMMA) return wireFaults.badConnection;
      if (++options > mostOptions) return wireFaults.badConnection;
      const id = fieldIdOf(bytes, start, optionEnd);
      if (id > 0 && id <= lastProtectedId) return wireFaults.protectedNomination;
      if (id === fieldIds.close) close = true;
      else if (id === fieldIds['keep-alive']) keepAlive = true;
      else if (id === fieldIds.upgrade) upgrade = true;
      else if (id >= 0) nominated = [...nominated, bytes.toString('latin1', start, optionEnd).toLowerCase()];
    }
  }
  head.keepAlive = !close && (head.minor === 1 || keepAlive);
  head.upgrade = upgrade && hasUpgrade && head.minor === 1;
  head.nominated = nominated;
  strikeNominated(fields, nominated);
  return undefined;
}

/**
 * Strikes the lines with one of these names, given in lower case. The trailer section that follows a head has to be gone through with the
 * head's `nominated` before it is forwarded.
 */
export function strikeNominated(fields: FieldLines, nominated: readonly string[]): void {
  for (const name of nominated) {
    for (let line = 0; line < fields.count; line++) {
      if (fields.named(line, name)) fields.strike(line);
    }
  }
}
