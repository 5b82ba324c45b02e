import { CommandFailure } from '../command-failure.ts';
import { readInput } from '../input-file.ts';
import type { Terminal } from './terminal.ts';

/** Most characters of a hidden text. */
const mostCharacters = 1024;

/** Reads a text that must not be seen: from the keyboard, which is asked twice, else the first line of standard input. */
export async function readHidden(terminal: Terminal, what: string): Promise<string> {
  if (!terminal.keyboard) {
    const text = Buffer.from(await readInput('-', 64 * 1024)).toString('utf8');
    return usable(text.split(/\r?\n/, 1)[0] ?? '', what);
  }
  const first = usable(await typed(terminal, `${what}: `), what);
  if ((await typed(terminal, `${what} again: `)) !== first) throw new CommandFailure(`the two entries of the ${what} differ: try again`);
  return first;
}

function usable(text: string, what: string): string {
  if (text === '') throw new CommandFailure(`the ${what} is empty: type it, or write it to standard input`);
  if (text.length > mostCharacters) throw new CommandFailure(`the ${what} has more than ${mostCharacters} characters`);
  return text;
}

function typed(terminal: Terminal, prompt: string): Promise<string> {
  terminal.err(prompt);
  return new Promise((resolve, reject) => {
    const keys: string[] = [];
    const end = terminal.onKey((key) => {
      if (key === '\r' || key === '\n') {
        end();
        // Keys are single octets.
        resolve(Buffer.from(keys.join(''), 'latin1').toString('utf8'));
      } else if (key === '\u0003' || key === '\u0004') {
        end();
        reject(new CommandFailure('interrupted: nothing was changed'));
      } else if (key === '\u007f' || key === '\b') dropLast(keys);
      else if (key.length === 1 && key >= ' ') keys.push(key);
    });
  });
}

/** Drops the last character, which may have several octets in UTF-8. */
function dropLast(keys: string[]): void {
  for (let key = keys.pop(); key !== undefined && (key.charCodeAt(0) & 0xc0) === 0x80; ) key = keys.pop();
}
