import { createHash } from 'node:crypto';
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { check } from '../../config/check.ts';
import { describeFault } from '../../config/refusal.ts';
import { SluiceError } from '../../model/fault.ts';
import { eachInTurns } from '../../model/pieces.ts';

/** Format 1 has the revisions themselves, format 2 only references to them. */
const format = 2;
const readable = [1, 2];
/** Characters of a piece of the file's text, about. */
const pieceLength = 64 * 1024;
/** Fills a block of the disk, so that a full disk refuses it. */
const probeText = '\n'.repeat(4096);
const head = /^\{"format":(\d+),"checksum":"([0-9a-f]{64})","data":/;

/** Kinds that every version reads under `documents`; versions that came before a later kind refuse a file that has it there. */
const firstKinds = ['environment', 'project', 'revision', 'assignment', 'server'];

/** Kind, name, revision number and value of a document. */
export const row = z.tuple([z.string(), z.string(), z.int().min(1), z.unknown()]);

const content = z.object({
  epoch: z.string().min(1),
  /** Revision number of the latest change. */
  revision: z.int().min(0),
  documents: z.array(row),
  /** Documents of later kinds, also of kinds that only a newer version knows. */
  later: z.array(row).default([]),
});

/** A document as it is written: kind, name, revision number and text. */
export type StoredRow = readonly [kind: string, name: string, revision: number, text: string];

/** A row as JSON. */
export function textOfRow([kind, name, number, text]: StoredRow): string {
  return `${JSON.stringify([kind, name, number]).slice(0, -1)},${text}]`;
}

/** Content of an embedded registry's file. */
export type Content = Omit<z.output<typeof content>, 'later'>;

/**
 * The file of an embedded registry. It is replaced atomically: a complete new file is synced and renamed over the old one, then the
 * folder is synced, so that a kill or a power cut leaves either the old or the new file. A checksum reveals any other damage.
 */
export class DataFile {
  readonly path: string;
  readonly #folder: string;
  readonly #draft: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, 'registry.json');
    this.#draft = `${this.path}.new`;
  }

  /** Reads the content; undefined if there is no file yet. Rejects with `invalid` if it is damaged, or was written by a newer Sluice. */
  async read(): Promise<Content | undefined> {
    await rm(this.#draft, { force: true });
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    return this.#decode(text);
  }

  /**
   * Resolves to its length when the new content is on disk. If it rejects, the file is unchanged (if only the last sync failed, it may be the new one).
   * The text is made in turns of the event loop: the documents must not change meanwhile.
   */
  async write(about: Omit<Content, 'documents'>, documents: Iterable<StoredRow>): Promise<number> {
    const rows: string[] = [];
    const later: string[] = [];
    await eachInTurns(documents, (document) => void (firstKinds.includes(document[0]) ? rows : later).push(textOfRow(document)));
    const hash = createHash('sha256');
    const pieces: string[] = [];
    let length = 0;
    await eachInTurns(dataPieces(about, rows, later), (piece) => {
      hash.update(piece);
      pieces.push(piece);
      length += piece.length;
    });
    try {
      await using(await open(this.#draft, 'w', 0o600), async (file) => {
        for (const piece of [`{"format":${format},"checksum":"${hash.digest('hex')}","data":`, ...pieces, '}\n'])
          await file.writeFile(piece);
        await file.sync();
      });
      await rename(this.#draft, this.path);
    } catch (error) {
      await rm(this.#draft, { force: true }).catch(() => {});
      throw error;
    }
    await using(await open(this.#folder, 'r'), (folder) => folder.sync());
    return length;
  }

  /** Writes a small file beside the registry's and removes it. Rejects if the folder cannot be written. */
  async probe(): Promise<void> {
    const path = `${this.path}.probe`;
    try {
      await using(await open(path, 'w', 0o600), (file) => file.writeFile(probeText));
    } finally {
      await rm(path, { force: true }).catch(() => {});
    }
  }

  #decode(text: string): Content {
    const [start, number, sum] = head.exec(text) ?? this.#refuse('it does not begin like a registry file');
    if (!readable.includes(Number(number)))
      this.#refuse(`it has format ${number} and this Sluice reads only ${readable.join(' and ')}`, 'run the Sluice that wrote it');
    if (!text.endsWith('}\n')) this.#refuse('its end is missing');
    const data = text.slice(start.length, -2);
    if (checksum(data) !== sum) this.#refuse('its checksum does not match: it was changed or damaged after it was written');
    const { value, faults } = check(JSON.parse(data), content);
    if (faults)
      this.#refuse(
        `its content is not a registry's: ${faults
          .slice(0, 3)
          .map((fault) => describeFault(fault))
          .join('; ')}`,
      );
    const { later, ...rest } = value;
    return { ...rest, documents: [...rest.documents, ...later] };
  }

  #refuse(reason: string, remedy = 'restore it from a backup, or move it away to start with an empty registry'): never {
    throw new SluiceError('invalid', `${this.path} cannot be used: ${reason}; ${remedy}`);
  }
}

function* dataPieces(
  { epoch, revision }: Omit<Content, 'documents'>,
  rows: readonly string[],
  later: readonly string[],
): Generator<string> {
  yield `{"epoch":${JSON.stringify(epoch)},"revision":${revision},"documents":`;
  yield* listPieces(rows);
  yield ',"later":';
  yield* listPieces(later);
  yield '}';
}

function* listPieces(texts: readonly string[]): Generator<string> {
  let piece = '[\n';
  for (const [index, text] of texts.entries()) {
    piece += index === 0 ? text : `,\n${text}`;
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = '';
  }
  yield `${piece}\n]`;
}

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function using(file: FileHandle, work: (file: FileHandle) => Promise<void>): Promise<void> {
  try {
    await work(file);
  } finally {
    await file.close();
  }
}
