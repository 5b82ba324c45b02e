import type { FileHandle } from 'node:fs/promises';

/** A part of a file. */
export interface Place {
  readonly offset: number;
  readonly length: number;
  /** True if this process has checked the contents there. */
  readonly checked: boolean;
}

/** Octets that are written at once. */
const chunkOctets = 256 * 1024;

/** Lines on their way into a file, and the place that each of those with contents has there. */
export class SnapshotLines {
  readonly places = new Map<string, Place>();
  /** Length of the file with all lines. */
  length: number;
  #octets: Buffer[] = [];
  #written: number;

  /** @param start length of the file before the first line */
  constructor(start: number) {
    this.length = this.#written = start;
  }

  /** True if so much is not written yet that it should be. */
  get many(): boolean {
    return this.length - this.#written >= chunkOctets;
  }

  /** @param line with its end, perhaps in parts */
  add(line: string | readonly Buffer[]): void {
    for (const octets of typeof line === 'string' ? [Buffer.from(line)] : line) {
      this.#octets.push(octets);
      this.length += octets.length;
    }
  }

  /** Adds the line with the contents of this hash. */
  addContents(hash: string, line: readonly Buffer[], checked: boolean): void {
    const offset = this.length;
    this.add(line);
    this.places.set(hash, { offset, length: this.length - offset - 1, checked });
  }

  /** Writes the lines that are not written yet. */
  async write(file: FileHandle): Promise<void> {
    const octets = Buffer.concat(this.#octets);
    this.#octets = [];
    for (let done = 0; done < octets.length; ) {
      const { bytesWritten } = await file.write(octets, done, octets.length - done, this.#written);
      done += bytesWritten;
      this.#written += bytesWritten;
    }
  }
}
