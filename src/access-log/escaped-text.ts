/** Writes the character of a code that cannot be written as itself. */
export type Escape = (code: number) => string;

/** By character code: 1 for visible ASCII and space, except the quotation mark and the backslash. */
const safe = Uint8Array.from({ length: 0x7f }, (_, code) => (code >= 0x20 && code !== 0x22 && code !== 0x5c ? 1 : 0));

/** Escapes for JSON (RFC 8259 section 7). An octet beyond ASCII becomes the character with that code: the client's encoding is unknown. */
export const jsonEscape: Escape = (code) => {
  if (code === 0x22 || code === 0x5c) return `\\${String.fromCharCode(code)}`;
  return `\\u${code.toString(16).padStart(4, '0')}`;
};

/** Escapes as Apache does in its log since 2.0.46: a backslash before quotation marks and backslashes, `\xhh` for other octets. */
export const apacheEscape: Escape = (code) => {
  if (code === 0x22 || code === 0x5c) return `\\${String.fromCharCode(code)}`;
  return `\\x${(code & 0xff).toString(16).padStart(2, '0')}`;
};

/** `text` in a form that can be put between quotation marks on a log line, cut off with `...` after at most `longest` written characters. */
export function escapedText(text: string, escaped: Escape, longest: number): string {
  if (text.length <= longest && isSafe(text)) return text;
  let written = '';
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    const next = safe[code] === 1 ? text.charAt(index) : escaped(code);
    if (written.length + next.length > longest - (index === text.length - 1 ? 0 : 3)) return `${written}...`;
    written += next;
  }
  return written;
}

// For short texts a loop takes half as long as a regular expression.
function isSafe(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (safe[text.charCodeAt(index)] !== 1) return false;
  return true;
}

/** Characters logged of each text that a client chooses the length of. Together with the rest of a line they stay below `PIPE_BUF`. */
export const shown = {
  client: 60,
  method: 40,
  authority: 300,
  target: 1_600,
  referer: 600,
  userAgent: 400,
  clientCertificate: 200,
  consumer: 120,
} as const;
