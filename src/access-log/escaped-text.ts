/** How a character that may not stand for itself is written. */
export type Escape = (code: number) => string;

/** By character: 1 for visible ASCII and space, but for what ends a quoted text or escapes in one. */
const safe = Uint8Array.from({ length: 0x7f }, (_, code) => (code >= 0x20 && code !== 0x22 && code !== 0x5c ? 1 : 0));

/** As JSON has it (RFC 8259 section 7). An octet beyond ASCII is the character of that number: which encoding the client meant is unknown. */
export const jsonEscape: Escape = (code) => {
  if (code === 0x22 || code === 0x5c) return `\\${String.fromCharCode(code)}`;
  return `\\u${code.toString(16).padStart(4, '0')}`;
};

/** As Apache's log has it since 2.0.46: a backslash before quotes and backslashes, `\xhh` for other octets. */
export const apacheEscape: Escape = (code) => {
  if (code === 0x22 || code === 0x5c) return `\\${String.fromCharCode(code)}`;
  return `\\x${(code & 0xff).toString(16).padStart(2, '0')}`;
};

/** `text`, safe between quotes on a line of a log, cut off with `...` to at most `longest` characters as written. */
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

// For texts this short a loop takes half as long as a regular expression.
function isSafe(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (safe[text.charCodeAt(index)] !== 1) return false;
  return true;
}

/** Characters shown of what a client may make as long as it likes. Together with all the rest of a line they stay below `PIPE_BUF`. */
export const shown = { client: 60, method: 40, authority: 300, target: 1_600, referer: 600, userAgent: 400 } as const;
