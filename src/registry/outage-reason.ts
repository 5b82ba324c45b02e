import type { Log } from '../model/log.ts';

/** Error codes of the network that name the cause: nothing listens there, there is no such host, no way to it, or no certificate that fits. */
const tellingCodes =
  /^(ECONNREFUSED|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|ENOENT|EACCES|CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/;

/** Reasons of one outage that are logged at most. */
const mostLogged = 10;

/** True if an error of a connection names its cause. A closed connection or a missing answer does not. */
export function namesCause({ code = '', message }: NodeJS.ErrnoException): boolean {
  return tellingCodes.test(code) || /ECONNREFUSED|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|certificate/.test(message);
}

/**
 * Reason why a peer cannot be reached. A telling reason, such as a refused token, stays until another telling one or the end of the outage:
 * later attempts may fail for less telling ones, such as a closed connection. Each reason is logged once in an
 * outage: several addresses of a peer may take turns with their reasons.
 */
export class OutageReason {
  readonly #log: Log;
  readonly #message: string;
  readonly #logged = new Set<string>();
  #text: string | undefined;

  /** @param message logged with each new reason */
  constructor(logger: Log, message: string) {
    this.#log = logger;
    this.#message = message;
  }

  /** Undefined while there is no outage. */
  get text(): string | undefined {
    return this.#text;
  }

  note(text: string, telling: boolean): void {
    const isNews = this.#text === undefined || (telling && text !== this.#text);
    if (!isNews) return;
    this.#text = text;
    if (this.#logged.has(text) || this.#logged.size === mostLogged) return;
    this.#logged.add(text);
    this.#log.warn({ reason: text }, this.#message);
  }

  ended(): void {
    this.#text = undefined;
    this.#logged.clear();
  }
}
