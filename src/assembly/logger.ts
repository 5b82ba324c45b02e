import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

/**
 * Creates the process's log on stderr, so that stdout stays free for a command's output: JSON lines, or readable lines on a terminal.
 * `SLUICE_LOG_LEVEL` sets the level (default `info`). Tokens and Authorization fields must never be logged.
 */
export function createLogger(level = process.env['SLUICE_LOG_LEVEL'] ?? 'info'): Logger {
  const options = { level: level in pino.levels.values || level === 'silent' ? level : 'info', base: null };
  // Synchronous and without worker threads, so that the last lines before an exit are not lost.
  if (process.stderr.isTTY) return pino(options, pretty({ destination: 2, sync: true, ignore: 'pid,hostname' }));
  return pino({ ...options, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 2, sync: true }));
}
