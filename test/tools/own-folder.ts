import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Owner } from './owner.ts';

/** Makes a new folder, removed with its owner. Unlike `t.testdir()`, each call makes another one. */
export function ownFolder(owner: Owner): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'));
  owner.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}
