/** Reads a body whole. Rejects if it has more than `most` octets, or breaks off. */
export async function readWhole(body: AsyncIterable<Buffer>, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of body) {
    octets += chunk.length;
    if (octets > most) throw new Error(`the answer has more than ${most} octets`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
