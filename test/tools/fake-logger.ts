import type { Logger } from 'pino';
import { pino } from 'pino';

/** A line of the log, as pino writes it. */
export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [key: string]: unknown;
}

/** A real logger with its lines, parsed. */
export function keptLogger(): { logger: Logger; lines: LogLine[] } {
  const lines: LogLine[] = [];
  return { logger: pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) }), lines };
}

/** A real logger that writes nothing. */
export const silentLogger: Logger = pino({ level: 'silent' });
