import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Happening } from '../../api/answers.ts';
import { happeningsAnswer } from '../../api/answers.ts';

/** Where a {@link Journal} lies over a restart: one file, replaced as a whole. */
export class JournalFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Empty if there is none yet. Rejects if it cannot be read, or is damaged. */
  async read(): Promise<Happening[]> {
    try {
      return happeningsAnswer.parse(JSON.parse(await readFile(this.path, 'utf8'))).happenings as Happening[];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  /** When it rejects, the file is as it was. */
  async write(happenings: readonly Happening[]): Promise<void> {
    const draft = `${this.path}.new`;
    try {
      await mkdir(dirname(this.path), { recursive: true });
      await writeFile(draft, JSON.stringify({ happenings }), { mode: 0o600 });
      await rename(draft, this.path);
    } catch (error) {
      await rm(draft, { force: true }).catch(() => {});
      throw error;
    }
  }
}
