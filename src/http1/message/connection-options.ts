import { fieldIdOf, fieldIds, lastProtectedId } from './field-ids.ts';
import type { FieldLines } from './field-lines.ts';
import type { MessageHead } from './message-head.ts';
import { COMMA, endOfRun, isSpace, spells, TOKEN } from './octets.ts';
import { type WireFault, wireFaults } from './wire-fault.ts';

/** Limit of the connection options in one head. No sender needs more, and each nominated name costs a search through all field lines. */
const maxOptions = 32;

const keepAliveWord = Buffer.from('keep-alive');

const noNames: readonly string[] = [];

/**
 * Reads a head's Connection lines (RFC 9112 section 9.3, RFC 9110 section 7.6.1): sets `keepAlive`, `upgrade` and `nominated`, and strikes
 * the nominated lines. Nominating a field up to {@link lastProtectedId} is a fault, neither obeyed nor ignored. Obeying would let a client
 * remove what a proxy in front of Sluice has added (X-Forwarded-For) or what the server relies on (Cookie, Authorization, Host); ignoring
 * would break a MUST of the RFC.
 * @param hasUpgrade the head has an Upgrade field
 * @param first the first line of Connection; -1: there is none
 */
export function readConnectionOptions(head: MessageHead, hasUpgrade: boolean, first: number): WireFault | undefined {
  const { fields } = head;
  const { bytes, base } = fields;
  let close = false;
  let keepAlive = false;
  let upgrade = false;
  let nominated = noNames;
  let options = 0;
  for (let line = first; line >= 0; line = fields.indexOf(fieldIds.connection, line + 1)) {
    let at = base + fields.valueStart(line);
    const end = base + fields.valueEnd(line);
    if (spells(bytes, at, end, keepAliveWord)) {
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
      if (++options > maxOptions) return wireFaults.badConnection;
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
 * Strikes the lines with one of these names, given in lower case. Before a trailer section is forwarded, this must be called on it with the
 * `nominated` of its head.
 */
export function strikeNominated(fields: FieldLines, nominated: readonly string[]): void {
  for (const name of nominated) {
    for (let line = 0; line < fields.count; line++) {
      if (fields.named(line, name)) fields.strike(line);
    }
  }
}
