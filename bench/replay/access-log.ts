import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

/** A request that a web server has logged. */
export interface LoggedRequest {
  readonly method: string;
  /** Path and query, exactly as logged. */
  readonly target: string;
  readonly version: 'HTTP/1.0' | 'HTTP/1.1';
}

/** The requests of an access log. */
export interface AccessLog {
  readonly requests: readonly LoggedRequest[];
  /** Number of lines whose request cannot be sent again: malformed, proxied (`http://…`), or in another protocol. */
  readonly unsendable: number;
}

const requestLine = /^[^"]*"(?<method>[!#$%&'*+.^_`|~0-9A-Za-z-]+) (?<target>\/[!\x23-\x7e]*) (?<version>HTTP\/1\.[01])" /;

/** Path of the access log of a real site in the checkout: 10,000 requests. */
export const sampleLog = fileURLToPath(new URL('../data/access.log.gz', import.meta.url));

/** Reads the first `limit` lines of a log in Apache's common or combined format, gzipped if its name ends in .gz. Throws with one clear line if that is not possible. */
export function readAccessLog(file: string, limit: number): AccessLog {
  const lines = readText(file).split('\n').filter(Boolean).slice(0, limit);
  const requests = lines.flatMap((line) => requestOf(line) ?? []);
  if (requests.length === 0) throw new Error(`${file} holds no request: it must be an access log in Apache's common or combined format`);
  return { requests, unsendable: lines.length - requests.length };
}

/** Reads the request of a line; undefined if it cannot be sent. */
export function requestOf(line: string): LoggedRequest | undefined {
  const found = requestLine.exec(line)?.groups as LoggedRequest | undefined;
  // CONNECT opens a tunnel and has no path.
  return found === undefined || found.method === 'CONNECT' ? undefined : { ...found };
}

/** Reads a file as Latin-1, one character for each octet. */
export function readText(file: string): string {
  try {
    const octets = readFileSync(file);
    return (file.endsWith('.gz') ? gunzipSync(octets) : octets).toString('latin1');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'the file does not exist' : (cause as Error).message;
    throw new Error(`cannot read the access log ${file}: ${reason}; name one with --log FILE`, { cause });
  }
}
