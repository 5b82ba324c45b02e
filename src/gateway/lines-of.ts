import type { FileHandle } from 'node:fs/promises';

const chunkOctets = 1024 * 1024;
const lineEnd = 0x0a;

/** Reads a file from its start and yields its lines without their ends. A last line that has no end is left out. */
export async function* linesOf(file: FileHandle): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for (let position = 0; ; ) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(chunkOctets), 0, chunkOctets, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    const read = buffer.subarray(0, bytesRead);
    const text = rest.length === 0 ? read : Buffer.concat([rest, read]);
    let start = 0;
    // The rest of the previous chunk has no line end.
    for (let end = text.indexOf(lineEnd, rest.length); end !== -1; end = text.indexOf(lineEnd, start)) {
      yield text.subarray(start, end);
      start = end + 1;
    }
    rest = text.subarray(start);
  }
}
