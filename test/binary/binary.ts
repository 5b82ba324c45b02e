import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Owner, SluiceProcess } from '../flow/processes.ts';
import { ownFolder } from '../flow/system.ts';

const builder = fileURLToPath(new URL('../../.ci/build-binary.mjs', import.meta.url));

/** Why there can be no binary on this machine; undefined where there can. */
export const noBinary = process.platform === 'linux' ? undefined : 'the single executable is made on Linux only';

/** A single executable, freshly built, with nothing around it. */
export class Binary {
  readonly file: string;
  /** What the build said. */
  readonly said: string;

  private constructor(file: string, said: string) {
    this.file = file;
    this.said = said;
  }

  /** Builds it as `npm run build:binary` does, in a folder that goes with its owner. */
  static async build(t: Owner): Promise<Binary> {
    const file = join(ownFolder(t), 'sluice');
    const child = spawn(process.execPath, [builder, file], { stdio: ['ignore', 'inherit', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const [status] = await once(child, 'close');
    if (status !== 0) throw new Error(`the build ended with ${status}: ${said}`);
    return new Binary(file, said);
  }

  /** Starts it with nothing else to be found: no Node.js, no packages, no variables but these. */
  start(t: Owner, args: readonly string[], folder: string, env: Record<string, string> = {}): SluiceProcess {
    return SluiceProcess.start(t, args, { folder, program: this.file, env: { PATH: '/nonexistent', ...env } });
  }

  /** Runs a command to its end. */
  async run(t: Owner, args: readonly string[], folder: string, env: Record<string, string> = {}) {
    const process = this.start(t, args, folder, env);
    const status = await process.ended();
    return { status, out: process.stdout, err: process.log.map((line) => line.msg).join('\n') };
  }
}
