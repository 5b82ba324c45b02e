import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { inTurns, type Pieces } from '../../model/pieces.ts';

const reference = z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) });

/**
 * A file for the text of each revision. Revisions never change and are by far the most of a registry's data: they are neither rewritten with it
 * nor kept in memory. What the registry itself keeps of one is a reference, which names its checksum.
 */
export class RevisionFiles {
  readonly path: string;

  constructor(folder: string) {
    this.path = join(folder, 'revisions');
  }

  /** True if this is the reference to a text, and not a text. */
  isReference(text: string): boolean {
    return sumOf(text) !== undefined;
  }

  /** Writes texts durably, and resolves to the reference to each, as JSON. */
  async write(texts: readonly { readonly name: string; readonly text: string }[]): Promise<string[]> {
    if (texts.length === 0) return [];
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    const references: string[] = [];
    for (const { name, text } of texts) {
      const sum = await inTurns(checksumInPieces(text));
      references.push(JSON.stringify({ sha256: sum }));
      const path = this.#pathOf(name, sum);
      const draft = `${path}.new`;
      try {
        const file = await open(draft, 'w', 0o600);
        try {
          await file.writeFile(text);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(draft, path);
      } catch (error) {
        await rm(draft, { force: true }).catch(() => {});
        throw error;
      }
    }
    const folder = await open(this.path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
    return references;
  }

  /** Reads the text of a revision; undefined if it is missing or damaged. */
  async read(name: string, referenceText: string): Promise<string | undefined> {
    const sum = sumOf(referenceText);
    if (sum === undefined) return undefined;
    const text = await readFile(this.#pathOf(name, sum), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    return text !== undefined && (await inTurns(checksumInPieces(text))) === sum ? text : undefined;
  }

  /** Removes the files of these references. A file that cannot be removed is removed at the next start. */
  async remove(references: readonly { readonly name: string; readonly text: string }[]): Promise<void> {
    for (const { name, text } of references) {
      const sum = sumOf(text);
      if (sum !== undefined) await rm(this.#pathOf(name, sum), { force: true }).catch(() => {});
    }
  }

  /** Removes all files except those of these references. */
  async retain(references: Iterable<{ readonly name: string; readonly text: string }>): Promise<void> {
    const present = await readdir(this.path).catch(() => []);
    if (present.length === 0) return;
    const kept = new Set<string>();
    for (const { name, text } of references) kept.add(fileName(name, sumOf(text) ?? ''));
    for (const file of present) if (!kept.has(file)) await rm(join(this.path, file), { force: true }).catch(() => {});
  }

  #pathOf(name: string, sum: string): string {
    return join(this.path, fileName(name, sum));
  }
}

function fileName(name: string, sum: string): string {
  return `${name}.${sum.slice(0, 16)}.json`;
}

function sumOf(text: string): string | undefined {
  return text.length > 100 ? undefined : reference.safeParse(JSON.parse(text)).data?.sha256;
}

/** Characters of a piece of a text whose checksum is calculated. */
const pieceLength = 64 * 1024;

function* checksumInPieces(text: string): Pieces<string> {
  const hash = createHash('sha256');
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + pieceLength, text.length);
    // The two halves of a character beyond U+FFFF stay together.
    if (end < text.length && (text.codePointAt(end - 1) as number) > 0xffff) end++;
    hash.update(text.slice(start, end));
    start = end;
    yield;
  }
  return hash.digest('hex');
}
