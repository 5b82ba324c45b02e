import type { FileHandle } from 'node:fs/promises';

/** A part of a file. */
export interface Place {
  readonly offset: number;
  readonly length: number;
}

/** Lines on their way into a file, and the place that each of those with contents has there. */
export class SnapshotLines {
  readonly places = new Map<string, Place>();
  /** Length of the file with all lines. */
  length: number;
  #texts: (string | Buffer)[] = [];
  #written: number;

  /** @param start length of the file before the first line */
  constructor(start: number) {
    this.length = this.#written = start;
  }

  /** Octets that are not written yet. */
  get pending(): number {
    return this.length - this.#written;
  }

  /** @param line with its end */
  add(line: string | Buffer): void {
    this.#texts.push(line);
    this.length += Buffer.byteLength(line);
  }

  /** Adds the line with the contents of this hash. */
  addContents(hash: string, line: string | Buffer): void {
    this.places.set(hash, { offset: this.length, length: Buffer.byteLength(line) - 1 });
    this.add(line);
  }

  /** Writes the lines that are not written yet. */
  async write(file: FileHandle): Promise<void> {
    const octets = Buffer.concat(this.#texts.map((text) => Buffer.from(text as string)));
    this.#texts = [];
    for (let done = 0; done < octets.length; ) {
      const { bytesWritten } = await file.write(octets, done, octets.length - done, this.#written);
      done += bytesWritten;
      this.#written += bytesWritten;
    }
  }
}
