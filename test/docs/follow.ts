import type { Test } from 'tap';
import { type Block, missingFrom } from '../tools/pages.ts';
import type { Walk } from './walk.ts';

/** Roles of `sh` and `text` blocks. A block in any other language is a file to save under the name after the language, or, without a name, only shown. */
export const roles = {
  sh: ['', 'keeps running', 'fails', 'elsewhere'],
  text: ['', 'diagram', 'arrows', 'elsewhere'],
};

/** Follows a page block by block and compares the output that it shows with the actual output. Resolves with the number of blocks of each kind. */
export async function follow(t: Test, walk: Walk, page: string, blocks: readonly Block[]): Promise<{ ran: number; compared: number }> {
  const done = { ran: 0, compared: 0 };
  let output = '';
  for (const { language, role, text, line } of blocks) {
    const place = `${page}:${line}`;
    // Shows the last block if a walk hangs.
    t.comment(place);
    if (language === 'sh' && role !== 'elsewhere') {
      output = await perform(walk, role, text).catch((error: Error) => {
        throw new Error(`${place}: ${error.message}`);
      });
      done.ran++;
    } else if (language === 'text' && role === '') {
      t.equal(missingFrom(output, text), undefined, `${place}: the output shown was printed`, { output });
      done.compared++;
    } else if (language !== 'sh' && language !== 'text' && role !== '') {
      await walk.save(role, text);
    }
  }
  return done;
}

async function perform(walk: Walk, role: string, commands: string): Promise<string> {
  switch (role) {
    case '':
      return walk.run(commands);
    case 'keeps running':
      return walk.start(commands);
    case 'fails':
      return walk.fail(commands);
    default:
      throw new Error(`a block of commands cannot be "${role}"; known: ${roles.sh.map((known) => `"${known}"`).join(', ')}`);
  }
}
