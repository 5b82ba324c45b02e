import { CR, isSpace, octetClasses, SEMICOLON, TOKEN, VALUE } from './octets.ts';

const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** State of reading a chunk extension: one of the constants below. */
export type ExtensionState = number;

/** After white space behind a size or an extension: another extension must follow. */
const AFTER_SPACE = 1;
/** After `;`, before the name. */
const BEFORE_NAME = 2;
const IN_NAME = 3;
const AFTER_NAME = 4;
const BEFORE_VALUE = 5;
const IN_TOKEN = 6;
const IN_QUOTES = 7;
const AFTER_BACKSLASH = 8;
const AFTER_QUOTES = 9;
/** The CR at the end of the line has been read. */
export const EXTENSION_END = 10;
/** The extension is not valid. */
export const EXTENSION_FAULT = 11;

/** Returns the state after the first octet behind a chunk size, which must be `;` or white space. */
export function beginExtension(octet: number): ExtensionState {
  return octet === SEMICOLON ? BEFORE_NAME : isSpace(octet) ? AFTER_SPACE : EXTENSION_FAULT;
}

/**
 * Returns the state after one more octet of `*( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] ) CR` (RFC 9112 section 7.1.1).
 * Extensions are checked and dropped: a recipient ignores extensions that it does not know, and Sluice knows none.
 */
export function readExtension(state: ExtensionState, octet: number): ExtensionState {
  const kind = octetClasses[octet] as number;
  switch (state) {
    case AFTER_SPACE:
      return isSpace(octet) ? AFTER_SPACE : octet === SEMICOLON ? BEFORE_NAME : EXTENSION_FAULT;
    case BEFORE_NAME:
      return isSpace(octet) ? BEFORE_NAME : (kind & TOKEN) !== 0 ? IN_NAME : EXTENSION_FAULT;
    case IN_NAME:
      if ((kind & TOKEN) !== 0) return IN_NAME;
      return isSpace(octet) ? AFTER_NAME : octet === EQUALS ? BEFORE_VALUE : afterExtension(octet);
    case AFTER_NAME:
      if (isSpace(octet)) return AFTER_NAME;
      return octet === EQUALS ? BEFORE_VALUE : octet === SEMICOLON ? BEFORE_NAME : EXTENSION_FAULT;
    case BEFORE_VALUE:
      if (isSpace(octet)) return BEFORE_VALUE;
      return octet === QUOTE ? IN_QUOTES : (kind & TOKEN) !== 0 ? IN_TOKEN : EXTENSION_FAULT;
    case IN_TOKEN:
      return (kind & TOKEN) !== 0 ? IN_TOKEN : isSpace(octet) ? AFTER_SPACE : afterExtension(octet);
    case IN_QUOTES:
      if (octet === QUOTE) return AFTER_QUOTES;
      return octet === BACKSLASH ? AFTER_BACKSLASH : (kind & VALUE) !== 0 ? IN_QUOTES : EXTENSION_FAULT;
    case AFTER_BACKSLASH:
      return (kind & VALUE) !== 0 ? IN_QUOTES : EXTENSION_FAULT;
    case AFTER_QUOTES:
      return isSpace(octet) ? AFTER_SPACE : afterExtension(octet);
    default:
      return EXTENSION_FAULT;
  }
}

function afterExtension(octet: number): ExtensionState {
  return octet === SEMICOLON ? BEFORE_NAME : octet === CR ? EXTENSION_END : EXTENSION_FAULT;
}
