import { Readable } from 'node:stream';
import { octetBlocks } from '../../model/octet-blocks.ts';
import { inTurns } from '../../model/pieces.ts';
import { controlTurns } from '../../model/turns.ts';

/** Makes the octets of a long answer in turns of the event loop, in blocks, for all who get the same answer. */
export function sharedOctets(texts: Iterable<string>): Promise<readonly Buffer[]> {
  return inTurns(octetBlocks(texts));
}

/** A body to send: one block in a turn of the event loop. */
export function bodyOf(blocks: readonly Buffer[]): Buffer | Readable {
  return blocks.length === 1 ? (blocks[0] as Buffer) : Readable.from(inTurn(blocks), { objectMode: false });
}

async function* inTurn(blocks: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const block of blocks) {
    await controlTurns.next();
    yield block;
  }
}
