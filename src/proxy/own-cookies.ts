import { fieldIds } from '../http1/message/field-ids.ts';
import type { FieldLines } from '../http1/message/field-lines.ts';
import { spells } from '../http1/message/octets.ts';
import { WordSearch } from '../http1/message/word-search.ts';
import { ownCookiePrefix } from '../model/session-cookie.ts';

const prefix = Buffer.from(ownCookiePrefix, 'latin1');
const search = new WordSearch(ownCookiePrefix);
/**
 * One of Sluice's cookies with the separator after it. Pairs end at a semicolon or comma even within quotes: another cookie with an open
 * quote must not hide this one. A name may follow white space or a quote, since lenient servers begin a pair there. Attributes of RFC 2965
 * (`$Path`) belong to the pair before them.
 */
const ownPair = new RegExp(
  `(?<=^|[;, \\t"])${ownCookiePrefix}[^;,=\\s]*[ \\t]*(?:=[^;,]*)?(?:[;,][ \\t]*\\$(?!Version)[^;,]*)*(?:[;,][ \\t]*|$)`,
  'gi',
);
/** A value in which no cookie is left: separators, and the version of RFC 2965. */
const empty = /^[;, \t]*(?:\$Version[ \t]*=[^;,]*)?[;, \t]*$/i;

/**
 * Takes Sluice's own cookies out of the Cookie lines from `first` on. The octets of other cookies stay as they are; they move to the end of
 * the value's place, and white space fills the beginning. A line without any other cookie is struck.
 */
export function hideOwnCookies(fields: FieldLines, first: number): void {
  for (let line = first; line >= 0; line = fields.indexOf(fieldIds.cookie, line + 1)) {
    const start = fields.base + fields.valueStart(line);
    const end = fields.base + fields.valueEnd(line);
    if (search.indexIn(fields.bytes, start, end) < 0) continue;
    const rest = fields
      .value(line)
      .replace(ownPair, '')
      .replace(/[;,][ \t]*$/, '');
    if (empty.test(rest)) {
      fields.strike(line);
      continue;
    }
    fields.bytes.fill(' ', start, end - rest.length);
    fields.bytes.write(rest, end - rest.length, 'latin1');
    fields.startValue(line, end - rest.length - fields.base);
  }
}

/**
 * Strikes the Set-Cookie lines of a response that would set one of Sluice's own cookies. Browsers send a cookie without a name as its value
 * alone, so that `=NAME=value` would set it too.
 */
export function strikeOwnCookies(fields: FieldLines): void {
  for (let line = fields.indexOf(fieldIds['set-cookie']); line >= 0; line = fields.indexOf(fieldIds['set-cookie'], line + 1)) {
    let start = fields.base + fields.valueStart(line);
    const end = fields.base + fields.valueEnd(line);
    while (start < end && separators.includes(fields.bytes[start] as number)) start++;
    if (spells(fields.bytes, start, Math.min(end, start + prefix.length), prefix)) fields.strike(line);
  }
}

const separators = Buffer.from(' \t=', 'latin1');
