import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Owner } from './owner.ts';

/** Contents of a folder: files and folders by name. */
export type Files = { readonly [name: string]: string | Buffer | Files };

/**
 * Makes a new folder with `files`, removed with its owner. Unlike `t.testdir()`, each call makes another one, and it is removed after everything
 * that was registered for teardown later: nothing writes into it any more.
 */
export function ownFolder(owner: Owner, files: Files = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'));
  owner.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  fill(folder, files);
  return folder;
}

function fill(folder: string, files: Files): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    if (typeof content === 'string' || Buffer.isBuffer(content)) {
      writeFileSync(path, content);
    } else {
      mkdirSync(path);
      fill(path, content as Files);
    }
  }
}
