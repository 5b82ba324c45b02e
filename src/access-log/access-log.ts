import { combinedLines } from './combined-line.ts';
import type { AccessLog, AccessLogFormat, LineMaker, LineOptions, LineSink } from './contract.ts';
import { jsonLines } from './json-line.ts';

const makers: Readonly<Record<AccessLogFormat, (options: LineOptions) => LineMaker>> = { json: jsonLines, combined: combinedLines };

/** An access log that writes one line for each exchange to `sink`. */
export function accessLogTo(sink: LineSink, format: AccessLogFormat, options: LineOptions): AccessLog {
  const line = makers[format](options);
  return (record) => sink.write(line(record));
}
