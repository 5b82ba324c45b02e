import type { Logger } from 'pino';
import type { LineSink } from '../access-log/contract.ts';
import { LineOutput } from '../access-log/line-output.ts';
import { openLogFile } from '../access-log/log-file.ts';
import { systemClock } from '../model/clock.ts';
import { stderrIsStdout } from './own-access-log.ts';

/** Standard output for lines, opened when the first one is written. A reader that is slow makes no request wait: lines are dropped, which is logged. */
export class StandardOutput implements LineSink {
  readonly #logger: Logger;
  #output: LineOutput | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  write(line: string): void {
    this.#output ??= this.#opened();
    this.#output.write(line);
  }

  /** Resolves when all lines are written or dropped. */
  async flush(): Promise<void> {
    await this.#output?.flush();
  }

  #opened(): LineOutput {
    const logger = this.#logger;
    const output = new LineOutput({ open: () => openLogFile(undefined), clock: systemClock, logger, sharesLog: stderrIsStdout() });
    output.open().catch((error: Error) => logger.error(error.message));
    process.once('exit', () => {
      // Otherwise the process would never end while a write hangs.
      if (!output.end()) process.kill(process.pid, 'SIGKILL');
    });
    return output;
  }
}
