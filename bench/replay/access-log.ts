import { readFileSync } from 'node:fs';

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

/** Reads the first `limit` lines of a log in Apache's common or combined format. Throws with one clear line if that is not possible. */
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

function readText(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'the file does not exist' : (cause as Error).message;
    throw new Error(`cannot read the access log ${file}: ${reason}; name one with --log FILE`, { cause });
  }
}
