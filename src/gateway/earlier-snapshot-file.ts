import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { receivedSnapshot, type Snapshot } from '../model/snapshot.ts';

/** First line of the file: its kind and format, and the checksum of the rest. */
const heading = z.strictObject({ sluice: z.literal('snapshot'), format: z.literal(1), sha256: z.string() });

/** The last good snapshot as earlier versions kept it on disk, as one JSON text. It is read once, and removed when the snapshot is saved in the present form. */
export class EarlierSnapshotFile {
  readonly path: string;

  constructor(dataDir: string) {
    this.path = join(dataDir, 'snapshot.json');
  }

  /** Undefined if there is no such file. Rejects if it is damaged. */
  async read(): Promise<Snapshot | undefined> {
    const text = await readFile(this.path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    return text === undefined ? undefined : parse(text);
  }

  remove(): Promise<void> {
    return rm(this.path, { force: true });
  }
}

function parse(text: string): Snapshot {
  const [first = '', body = '', ...rest] = text.split('\n');
  const { sha256 } = heading.parse(JSON.parse(first));
  const matches = createHash('sha256').update(body).digest('hex') === sha256;
  if (rest.join('') !== '' || !matches) throw new Error('the checksum does not match the contents');
  return receivedSnapshot.parse(JSON.parse(body));
}
