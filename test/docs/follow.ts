import type { Test } from 'tap';
import { type Block, missingFrom } from './pages.ts';
import type { Walk } from './walk.ts';

/** What a block of a page is for. Everything else has a language and is a file: its name stands behind it, or it is only shown. */
export const roles = {
  sh: ['', 'keeps running', 'fails', 'elsewhere'],
  text: ['', 'diagram', 'elsewhere'],
};

/** Does what a page says, block by block, and compares what it shows with what was printed. Resolves with how much it did. */
export async function follow(t: Test, walk: Walk, page: string, blocks: readonly Block[]): Promise<{ ran: number; compared: number }> {
  const done = { ran: 0, compared: 0 };
  let output = '';
  for (const { language, role, text, line } of blocks) {
    const place = `${page}:${line}`;
    // Where a walk that hangs has come to.
    t.comment(place);
    if (language === 'sh' && role !== 'elsewhere') {
      output = await perform(walk, role, text).catch((error: Error) => {
        throw new Error(`${place}: ${error.message}`);
      });
      done.ran++;
    } else if (language === 'text' && role === '') {
      t.equal(missingFrom(output, text), undefined, `${place}: what is shown was printed`, { output });
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
      throw new Error(`"${role}" is nothing that a block of commands can be; known are: ${roles.sh.join(', ')}`);
  }
}
