import { request as httpsRequest } from 'node:https';

interface Sent {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined;
  readonly timeoutMs: number;
  /** Authorities in PEM; undefined: those that Node.js knows. */
  readonly ca: string | undefined;
}

interface Answered {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | null;
}

/** Sends a request, follows no redirect, and reads the answer to its end. `fetch` takes no authorities of its own, so that Node's client sends then. */
export async function sendRequest(url: string, sent: Sent): Promise<Answered> {
  const { method, headers, body, timeoutMs, ca } = sent;
  const signal = AbortSignal.timeout(timeoutMs);
  if (ca === undefined || !url.startsWith('https:')) {
    const response = await fetch(url, { method, headers, redirect: 'error', signal, ...(body !== undefined && { body }) });
    return { status: response.status, text: await response.text(), retryAfter: response.headers.get('retry-after') };
  }
  return new Promise((resolve, reject) => {
    const failed = (cause: Error) => reject(signal.aborted ? signal.reason : new Error('request failed', { cause }));
    const asked = httpsRequest(url, { method, headers, signal, ca, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece)).on('error', failed);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          text: Buffer.concat(pieces).toString('utf8'),
          retryAfter: response.headers['retry-after'] ?? null,
        }),
      );
    });
    asked.on('error', failed).end(body);
  });
}
