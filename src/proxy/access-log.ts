import type { Logger } from 'pino';

/** What is known of an exchange when it has ended. */
export interface ExchangeRecord {
  readonly id: string;
  readonly client: string;
  readonly method: string;
  readonly authority: string;
  readonly target: string;
  /** 0: the client got none. */
  readonly status: number;
  /** Octets of the response's body that were sent. */
  readonly octets: number;
  readonly durationMs: number;
  /** The server that answered, if one did. */
  readonly server: string | undefined;
  /** It broke off before its end. */
  readonly aborted: boolean;
}

/** Hears of every exchange; absent, nothing is put together for it. */
export type AccessLog = (record: ExchangeRecord) => void;

/** Characters shown of what a client may make as long as it likes; the rest is cut off. */
const shown = { method: 40, authority: 300, target: 1_200 };

/**
 * An access log as JSON lines of at most 4096 octets: several processes may write into one pipe, and only up to this length does the
 * system keep a line whole (`PIPE_BUF`).
 */
export function accessLogTo(logger: Logger): AccessLog {
  const log = logger.child({ log: 'access' });
  return (record) => {
    const { method, authority, target } = record;
    const isShort = method.length <= shown.method && authority.length <= shown.authority && target.length <= shown.target;
    log.info(
      isShort
        ? record
        : { ...record, method: cut(method, shown.method), authority: cut(authority, shown.authority), target: cut(target, shown.target) },
    );
  };
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}
