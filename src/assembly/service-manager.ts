import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Logger } from 'pino';

/** Variables that systemd passes to a service; removed from the environment, because child processes must not use them. */
const variables = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const;

/** Shell script that runs systemd-notify for each line of its input; a line is a message of assignments, separated by tabs. */
const notifierScript = "set -f; IFS='\t'; while read -r message; do systemd-notify $message; done";

/**
 * Reports the state of this process to the service manager that started it (sd_notify(3)); does nothing without one.
 *
 * The messages are datagrams to a Unix socket, which Node.js cannot send. systemd-notify(1) sends them, run by one long-lived shell,
 * because starting a process from a large one blocks it. Since another process sends, units need `NotifyAccess=all`. With `WatchdogSec=`
 * a keep-alive is sent three times in that period.
 */
export class ServiceManager {
  readonly #logger: Logger;
  readonly #socket: string | undefined;
  #notifier: ChildProcess | undefined;
  #status = '';
  #loggedReason = '';

  /** Removes systemd's variables from `env`, so that no child process can send messages for this one. */
  constructor(env: NodeJS.ProcessEnv, logger: Logger) {
    this.#logger = logger;
    this.#socket = env['NOTIFY_SOCKET'] || undefined;
    const mine = env['WATCHDOG_PID'] === undefined || env['WATCHDOG_PID'] === String(process.pid);
    const watchdogMs = mine ? Number(env['WATCHDOG_USEC'] ?? 0) / 1000 : 0;
    for (const name of variables) delete env[name];
    if (this.#socket !== undefined && watchdogMs > 0) setInterval(() => this.#send('WATCHDOG=1'), watchdogMs / 3);
  }

  /** Reports a start under way; `status` describes it in a line. */
  starting(status: string): void {
    this.#send(`STATUS=${status}`);
  }

  /** Reports that the process serves; `status` describes it in a line. */
  ready(status: string): void {
    this.#status = status;
    this.#send('READY=1', `STATUS=${status}`);
  }

  /** Reports a reload while `task` applies a configuration and returns the new status. Rejects as `task` does; the process then serves as before. */
  async reload(task: () => Promise<string>): Promise<void> {
    this.#send('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`, 'STATUS=Reading the configuration again');
    try {
      this.ready(await task());
    } catch (error) {
      this.#send('READY=1', `STATUS=${this.#status}; the changed configuration was refused, see the log`);
      throw error;
    }
  }

  /** Reports that the process drains. */
  stopping(): void {
    this.#send('STOPPING=1', 'STATUS=Finishing what is in flight');
  }

  #send(...assignments: string[]): void {
    if (this.#socket === undefined) return;
    this.#notifier ??= this.#startNotifier(this.#socket);
    this.#notifier.stdin?.write(`${assignments.join('\t')}\n`);
  }

  #startNotifier(socket: string): ChildProcess {
    const env = { PATH: process.env['PATH'], NOTIFY_SOCKET: socket };
    // Its own process group, so that Ctrl-C does not end it before this process has reported its stop.
    const started = spawn('/bin/sh', ['-c', notifierScript], { env, stdio: ['pipe', 'ignore', 'pipe'], detached: true });
    createInterface({ input: started.stderr as Readable }).on('line', (line) => this.#logFailure(line));
    started.on('error', (error) => this.#logFailure(error.message));
    // A write error is ignored: `close` follows, and the next message starts a new notifier.
    started.stdin?.on('error', () => {});
    started.once('close', () => {
      this.#notifier = undefined;
    });
    return started;
  }

  /** Logs a failure, unless its reason is the one logged last. */
  #logFailure(reason: string): void {
    if (reason === this.#loggedReason) return;
    this.#loggedReason = reason;
    this.#logger.error(
      { reason },
      'cannot report to the service manager that set NOTIFY_SOCKET: install systemd-notify, or use a unit with Type=exec and without WatchdogSec=',
    );
  }
}
