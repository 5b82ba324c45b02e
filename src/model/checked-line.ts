import { createHash } from 'node:crypto';

const sumLength = 32;
const space = 0x20;

/** A line of a log: a checksum (half of the text's SHA-256, hex), a space, the text, and the line's end. The text has no line ends. */
export function checkedLine(text: string): string {
  return `${checksum(text)} ${text}\n`;
}

/** The text of a {@link checkedLine} without its end; undefined if the checksum does not match. */
export function textOfLine(line: Buffer): string | undefined {
  const text = line.subarray(sumLength + 1);
  const intact = line[sumLength] === space && line.toString('latin1', 0, sumLength) === checksum(text);
  return intact ? text.toString('utf8') : undefined;
}

function checksum(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex').slice(0, sumLength);
}
