import { octetClasses, TOKEN } from './octets.ts';

/** A field name in the forms in which it is compared. */
export interface FieldName {
  /** The name as it was given. */
  readonly given: string;
  readonly lower: string;
  readonly folded: string;
  /** The name is a token (RFC 9110 section 5.1). */
  readonly valid: boolean;
  /** A value that is known to be valid: the last one that was written into a field of this name. */
  lastValue: string;
}

/** Names that are remembered: those that policies write. Longer names are not, for they may be anything. */
const mostNames = 1024;
const mostCharacters = 64;
const names = new Map<string, FieldName>();

/** Names that are removed together; made once, for it takes longer to make than to use. */
export class FieldNames {
  readonly names: readonly FieldName[];
  /** Bit n: a name has n characters, or n and a multiple of 32. */
  readonly #lengths: number = 0;

  constructor(given: readonly string[]) {
    this.names = given.map(fieldName);
    for (const { folded } of this.names) this.#lengths |= 1 << (folded.length & 31);
  }

  /** False if no name has this length. */
  mayHave(length: number): boolean {
    return ((this.#lengths >>> (length & 31)) & 1) === 1;
  }
}

/** Returns the forms of a name; the same object each time as long as it is remembered. */
export function fieldName(given: string): FieldName {
  return names.get(given) ?? made(given);
}

/** A field name in lower case, with a hyphen for every character but letters and digits: names that CGI and WSGI cannot tell apart become equal. */
export function foldName(name: string): string {
  return fieldName(name).folded;
}

function made(given: string): FieldName {
  const lower = given.toLowerCase();
  const name: FieldName = { given, lower, folded: lower.replace(/[^a-z0-9-]/g, '-'), valid: isToken(given), lastValue: '' };
  if (given.length > mostCharacters) return name;
  if (names.size >= mostNames) names.clear();
  names.set(given, name);
  return name;
}

function isToken(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 255 || ((octetClasses[code] as number) & TOKEN) === 0) return false;
  }
  return text !== '';
}
