import type { Pieces } from './pieces.ts';

/** Octets of a block: to send one takes a fraction of a millisecond. */
const blockLength = 256 * 1024;
/** Characters that become octets in one go, about, and texts: to make one may take as long as to write it, even if it is empty. */
const pieceLength = 16 * 1024;
const pieceTexts = 64;
/** Octets of a character (a UTF-16 code unit) in UTF-8, at most. */
const mostOctets = 3;

/**
 * The octets of texts, one after the other, in blocks, made in pieces: each text is written where its octets stay, so that megabytes leave no garbage of
 * their own, and octets of their own wherever they are sent.
 */
export function* octetBlocks(texts: Iterable<string>): Pieces<readonly Buffer[]> {
  const blocks: Buffer[] = [];
  let block = Buffer.allocUnsafeSlow(blockLength);
  let at = 0;
  let written = 0;
  let count = 0;
  for (const text of texts) {
    if (at + text.length * mostOctets > block.length) {
      if (at > 0) blocks.push(block.subarray(0, at));
      block = Buffer.allocUnsafeSlow(Math.max(blockLength, text.length * mostOctets));
      at = 0;
    }
    at += block.write(text, at);
    written += text.length;
    if (written < pieceLength && ++count < pieceTexts) continue;
    written = 0;
    count = 0;
    yield;
  }
  if (at > 0) blocks.push(at < block.length / 2 ? Buffer.from(block.subarray(0, at)) : block.subarray(0, at));
  return blocks;
}

/** Like {@link octetBlocks}, in one block. */
export function* octetsOf(texts: Iterable<string>): Pieces<Buffer> {
  const blocks = yield* octetBlocks(texts);
  if (blocks.length === 1) return blocks[0] as Buffer;
  const whole = Buffer.allocUnsafeSlow(blocks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const block of blocks) {
    whole.set(block, at);
    at += block.length;
    yield;
  }
  return whole;
}
