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

/** An access log as JSON lines. */
export function accessLogTo(logger: Logger): AccessLog {
  const log = logger.child({ log: 'access' });
  return (record) => log.info(record);
}
