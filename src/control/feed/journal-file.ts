import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Happening, happeningsAnswer } from '../../api/answers.ts';

/** Stores a {@link Journal} in one file, which is replaced as a whole by each write. */
export class JournalFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Resolves with no happenings if the file does not exist. Rejects if it is damaged or cannot be read. */
  async read(): Promise<Happening[]> {
    try {
      return happeningsAnswer.parse(JSON.parse(await readFile(this.path, 'utf8'))).happenings;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  /** Replaces the file. If it rejects, the file is unchanged. */
  async write(happenings: readonly Happening[]): Promise<void> {
    const draft = `${this.path}.new`;
    try {
      await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
      await writeFile(draft, JSON.stringify({ happenings }), { mode: 0o600 });
      await rename(draft, this.path);
    } catch (error) {
      await rm(draft, { force: true }).catch(() => {});
      throw error;
    }
  }
}
