import { fstatSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Logger } from 'pino';
import { accessLogTo } from '../access-log/access-log.ts';
import type { AccessLog, AccessLogSettings } from '../access-log/contract.ts';
import { LineOutput } from '../access-log/line-output.ts';
import { openLogFile } from '../access-log/log-file.ts';
import type { Config } from '../config/config.ts';
import { systemClock } from '../model/clock.ts';

/** Settings of `accessLog` in a configuration; false if there is no access log. */
export function accessLogSettings(configured: Config['accessLog']): AccessLogSettings | false {
  if (configured === false || configured === true) return configured && { format: 'json' };
  if (typeof configured === 'string') return { format: configured };
  const { format, path } = configured;
  return path === undefined ? { format } : { format, path: resolve(path) };
}

/** Checks that the access log can be written; rejects with a `SluiceError` if it cannot. */
export async function checkAccessLog({ path }: AccessLogSettings): Promise<void> {
  (await openLogFile(path)).close();
}

/** The access log that this process writes. */
export class OwnAccessLog {
  readonly log: AccessLog;
  readonly #output: LineOutput;
  readonly #path: string | undefined;
  readonly #logger: Logger;

  /** @param worker number of this process if it is a worker */
  constructor({ format, path }: AccessLogSettings, logger: Logger, worker?: number) {
    this.#path = path;
    this.#logger = logger;
    const open = () => openLogFile(path);
    this.#output = new LineOutput({ open, clock: systemClock, logger, sharesLog: path === undefined && stderrIsStdout() });
    this.log = accessLogTo(this.#output, format, { clock: systemClock, worker });
    process.once('exit', () => {
      // Otherwise the process would never end while a write hangs.
      if (!this.#output.end()) process.kill(process.pid, 'SIGKILL');
    });
  }

  /** Lines dropped since the start. */
  get dropped(): number {
    return this.#output.dropped;
  }

  /** Opens the log. Rejects with a `SluiceError` if it cannot be written; lines logged meanwhile are kept, and opening is retried. */
  open(): Promise<void> {
    return this.#output.open();
  }

  /** Opens the file again after it was renamed, which creates a new one under the old name. If that fails, logs it and keeps writing to the old one. */
  async reopen(): Promise<void> {
    if (this.#path === undefined) return;
    await this.#output.open().catch((error: Error) => this.#logger.error(`${error.message}; lines still go to the file that is open`));
  }

  /** Resolves when all queued lines are written or dropped. */
  flush(): Promise<void> {
    return this.#output.flush();
  }
}

/** True if standard output and standard error are one file. */
export function stderrIsStdout(): boolean {
  try {
    const [out, err] = [fstatSync(1), fstatSync(2)];
    return out.dev === err.dev && out.ino === err.ino;
  } catch {
    return false;
  }
}
