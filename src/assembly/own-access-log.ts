import { fstatSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Logger } from 'pino';
import { type AccessLog, type AccessLogSettings, accessLogTo } from '../access-log/access-log.ts';
import { LineOutput } from '../access-log/line-output.ts';
import { openLogFile } from '../access-log/log-file.ts';
import type { Config } from '../config/config.ts';
import { systemClock } from '../model/clock.ts';

/** What `accessLog` of a configuration says; false: none. */
export function accessLogSettings(configured: Config['accessLog']): AccessLogSettings | false {
  if (configured === false || configured === true) return configured && { format: 'json' };
  if (typeof configured === 'string') return { format: configured };
  const { format, path } = configured;
  return path === undefined ? { format } : { format, path: resolve(path) };
}

/** Rejects with a `SluiceError` if an access log as configured cannot be written. */
export async function checkAccessLog({ path }: AccessLogSettings): Promise<void> {
  (await openLogFile(path)).close();
}

/** The access log that this process writes. */
export class OwnAccessLog {
  readonly log: AccessLog;
  readonly #output: LineOutput;
  readonly #path: string | undefined;
  readonly #logger: Logger;

  /** @param worker number of this process, if it is a worker */
  constructor({ format, path }: AccessLogSettings, logger: Logger, worker?: number) {
    this.#path = path;
    this.#logger = logger;
    const open = () => openLogFile(path);
    this.#output = new LineOutput({ open, clock: systemClock, logger, logGoesThere: path === undefined && stderrIsStdout() });
    this.log = accessLogTo(this.#output, format, { clock: systemClock, worker });
    process.once('exit', () => {
      // The process would wait for a write that hangs, for ever.
      if (!this.#output.end()) process.kill(process.pid, 'SIGKILL');
    });
  }

  /** Lines that could not be kept, since the start. */
  get dropped(): number {
    return this.#output.dropped;
  }

  /** Rejects with a `SluiceError` if it cannot be written; what is logged meanwhile is kept, and it is tried again. */
  open(): Promise<void> {
    return this.#output.open();
  }

  /** After the file was renamed: makes a new one under the old name. If that fails, goes on with the old one and says so. */
  async reopen(): Promise<void> {
    if (this.#path === undefined) return;
    await this.#output.open().catch((error: Error) => this.#logger.error(`${error.message}; it goes on in the file that is open`));
  }

  /** Settles when all of it is written, or as much as can be. */
  flush(): Promise<void> {
    return this.#output.flush();
  }
}

function stderrIsStdout(): boolean {
  try {
    const [out, err] = [fstatSync(1), fstatSync(2)];
    return out.dev === err.dev && out.ino === err.ino;
  } catch {
    return false;
  }
}
