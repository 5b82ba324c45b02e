import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A Node.js executable on which contenders run. */
export interface NodeProgram {
  readonly file: string;
  /** For example `v24.1.0`. */
  readonly version: string;
}

/** The Node.js that runs the bench. */
export const nodeAtHand: NodeProgram = { file: process.execPath, version: process.version };

/** Finds the pinned Node.js of a major version, or fetches it. Throws with one line that gives the reason if that fails. */
export function pinnedNode(major: string): NodeProgram {
  const script = fileURLToPath(new URL('../.ci/pinned-node.mjs', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, major], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr.trim().split('\n').at(-1));
  const file = stdout.trim();
  return { file, version: spawnSync(file, ['--version'], { encoding: 'utf8' }).stdout.trim() };
}
