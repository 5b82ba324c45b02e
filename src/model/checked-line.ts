import { createHash, type Hash } from 'node:crypto';
import type { Pieces } from './pieces.ts';

const sumLength = 32;
const space = 0x20;
/** Octets that are hashed in one go. */
const chunkOctets = 256 * 1024;

/** A line of a log: a checksum (half of the text's SHA-256, hex), a space, the text, and the line's end. The text has no line ends. */
export function checkedLine(text: string): string {
  return `${checksum(text)} ${text}\n`;
}

/** Makes a {@link checkedLine} of a text that comes in parts. Returns its octets in parts. */
export function* checkedLineInPieces(texts: Iterable<string>): Pieces<Buffer[]> {
  const hash = createHash('sha256');
  const parts: Buffer[] = [];
  for (const text of texts) {
    const octets = Buffer.from(text);
    hash.update(octets);
    parts.push(octets);
    yield;
  }
  return [Buffer.from(`${sumOf(hash)} `), ...parts, Buffer.from('\n')];
}

/** The text of a {@link checkedLine} without its end; undefined if the checksum does not match. */
export function textOfLine(line: Buffer): string | undefined {
  const text = line.subarray(sumLength + 1);
  return holds(line, checksum(text)) ? text.toString('utf8') : undefined;
}

/** Like {@link textOfLine}, for a long line. */
export function* textOfLineInPieces(line: Buffer): Pieces<string | undefined> {
  const text = line.subarray(sumLength + 1);
  const hash = createHash('sha256');
  for (let start = 0; start < text.length; start += chunkOctets) {
    hash.update(text.subarray(start, start + chunkOctets));
    yield;
  }
  return holds(line, sumOf(hash)) ? text.toString('utf8') : undefined;
}

function holds(line: Buffer, sum: string): boolean {
  return line[sumLength] === space && line.toString('latin1', 0, sumLength) === sum;
}

function checksum(text: string | Buffer): string {
  return sumOf(createHash('sha256').update(text));
}

function sumOf(hash: Hash): string {
  return hash.digest('hex').slice(0, sumLength);
}
