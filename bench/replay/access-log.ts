import { readFileSync } from 'node:fs';

/** One request as a web server logged it. */
export interface LoggedRequest {
  readonly method: string;
  /** Path and query, byte for byte as logged. */
  readonly target: string;
  readonly version: 'HTTP/1.0' | 'HTTP/1.1';
}

/** What a log holds. */
export interface AccessLog {
  readonly requests: readonly LoggedRequest[];
  /** Lines that hold no request which could be sent again: broken, proxied (`http://…`), or in another protocol. */
  readonly unsendable: number;
}

const requestLine = /^[^"]*"(?<method>[!#$%&'*+.^_`|~0-9A-Za-z-]+) (?<target>\/[!\x23-\x7e]*) (?<version>HTTP\/1\.[01])" /;

/** Reads the first `limit` lines of a log in Apache's common or combined format. Throws with one clear line if it can't be read. */
export function readAccessLog(file: string, limit: number): AccessLog {
  const lines = readText(file).split('\n').filter(Boolean).slice(0, limit);
  const requests = lines.flatMap((line) => requestOf(line) ?? []);
  if (requests.length === 0) throw new Error(`${file} holds no request: an access log in Apache's common or combined format is needed`);
  return { requests, unsendable: lines.length - requests.length };
}

/** Undefined for a line without a request that can be sent. */
export function requestOf(line: string): LoggedRequest | undefined {
  const found = requestLine.exec(line)?.groups as LoggedRequest | undefined;
  // CONNECT asks for a tunnel, and has no path.
  return found === undefined || found.method === 'CONNECT' ? undefined : { ...found };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (cause as Error).message;
    throw new Error(`cannot read the access log ${file}: ${reason}; name one with --log FILE`, { cause });
  }
}
