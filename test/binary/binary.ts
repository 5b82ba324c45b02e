import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ownFolder } from '../tools/own-folder.ts';
import type { Owner } from '../tools/owner.ts';
import { SluiceProcess } from '../tools/sluice-process.ts';

const builder = fileURLToPath(new URL('../../.ci/build-binary.mjs', import.meta.url));

/** Reason why the executable cannot be built on this machine; undefined if it can. */
export const noBinary = process.platform === 'linux' ? undefined : 'the single executable is made on Linux only';

/** A freshly built single executable. */
export class Binary {
  readonly file: string;
  /** Output of the build. */
  readonly buildOutput: string;

  private constructor(file: string, buildOutput: string) {
    this.file = file;
    this.buildOutput = buildOutput;
  }

  /** Builds it as `npm run build:binary` does, in a folder that is removed with its owner. */
  static async build(t: Owner): Promise<Binary> {
    const file = join(ownFolder(t), 'sluice');
    const child = spawn(process.execPath, [builder, file], { stdio: ['ignore', 'inherit', 'pipe'] });
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    const [status] = await once(child, 'close');
    if (status !== 0) throw new Error(`the build ended with ${status}: ${output}`);
    return new Binary(file, output);
  }

  /** Starts it without anything that could help it: no Node.js, no packages, no variables except `env`. */
  start(t: Owner, args: readonly string[], folder: string, env: Record<string, string> = {}): SluiceProcess {
    return SluiceProcess.start(t, args, { folder, program: this.file, env: { PATH: '/nonexistent', ...env } });
  }

  /** Runs a command and resolves when it has ended. */
  async run(t: Owner, args: readonly string[], folder: string, env: Record<string, string> = {}) {
    const process = this.start(t, args, folder, env);
    const status = await process.ended();
    return { status, out: process.stdout, err: process.log.map((line) => line.msg).join('\n') };
  }
}
