import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Logger } from 'pino';

/** What a service manager of systemd's kind hands to those that it starts; theirs alone, not for what they start themselves. */
const variables = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const;

/** Sends each line that it reads, whose assignments are parted by tabs, until there are no more. */
const courier = "set -f; IFS='\t'; while read -r message; do systemd-notify $message; done";

/**
 * Tells the service manager that started this process how it is, as sd_notify(3) describes; without one, nothing is done.
 *
 * The messages are datagrams to a Unix socket, which Node.js cannot send: systemd-notify(1), part of systemd, does, from a shell that
 * is started once, because starting a process from a large one holds that up. Since it is not this process that sends, units need
 * `NotifyAccess=all`. With `WatchdogSec=` it says that this process lives, thrice in that time.
 */
export class ServiceManager {
  readonly #logger: Logger;
  readonly #socket: string | undefined;
  #courier: ChildProcess | undefined;
  #status = '';
  #complaint = '';

  /** Takes what it needs out of `env`, so that no child process can speak in this one's place. */
  constructor(env: NodeJS.ProcessEnv, logger: Logger) {
    this.#logger = logger;
    this.#socket = env['NOTIFY_SOCKET'] || undefined;
    const mine = env['WATCHDOG_PID'] === undefined || env['WATCHDOG_PID'] === String(process.pid);
    const watchdogMs = mine ? Number(env['WATCHDOG_USEC'] ?? 0) / 1000 : 0;
    for (const name of variables) delete env[name];
    if (this.#socket !== undefined && watchdogMs > 0) setInterval(() => this.#tell('WATCHDOG=1'), watchdogMs / 3);
  }

  /** It has begun to start; `status` says what it waits for. */
  starting(status: string): void {
    this.#tell(`STATUS=${status}`);
  }

  /** It does its work, which `status` describes in a line. */
  ready(status: string): void {
    this.#status = status;
    this.#tell('READY=1', `STATUS=${status}`);
  }

  /** Runs `task`, which takes over another configuration and answers the new status. Fails as it does: then all is as before. */
  async reload(task: () => Promise<string>): Promise<void> {
    this.#tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`, 'STATUS=Reading the configuration again');
    try {
      this.ready(await task());
    } catch (error) {
      this.#tell('READY=1', `STATUS=${this.#status}; the changed configuration was refused, see the log`);
      throw error;
    }
  }

  /** It takes nothing new and ends when what is in flight is done. */
  stopping(): void {
    this.#tell('STOPPING=1', 'STATUS=Finishing what is in flight');
  }

  #tell(...assignments: string[]): void {
    if (this.#socket === undefined) return;
    this.#courier ??= this.#startCourier(this.#socket);
    this.#courier.stdin?.write(`${assignments.join('\t')}\n`);
  }

  #startCourier(socket: string): ChildProcess {
    const env = { PATH: process.env['PATH'], NOTIFY_SOCKET: socket };
    // Of its own group: Ctrl-C is for this process, which has something to say about it.
    const started = spawn('/bin/sh', ['-c', courier], { env, stdio: ['pipe', 'ignore', 'pipe'], detached: true });
    createInterface({ input: started.stderr as Readable }).on('line', (line) => this.#complain(line));
    started.on('error', (error) => this.#complain(error.message));
    // The next message finds out.
    started.stdin?.on('error', () => {});
    started.once('close', () => {
      this.#courier = undefined;
    });
    return started;
  }

  /** The same trouble is told once. */
  #complain(reason: string): void {
    if (reason === this.#complaint) return;
    this.#complaint = reason;
    this.#logger.error(
      { reason },
      'the service manager that set NOTIFY_SOCKET could not be told how this process is: give it systemd-notify, or a unit with Type=exec and no WatchdogSec=',
    );
  }
}
