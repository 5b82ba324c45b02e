import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** Milliseconds in which a refused peer may read the answer and close its end. */
const lingerMs = 2000;

/** Answers an upgrade request with a refusal as a problem document (RFC 9457), and closes the connection however the peer behaves. */
export function refuseUpgrade(socket: Duplex, status: 401 | 503, detail: string, fields = ''): void {
  const code = status === 401 ? 'unauthorized' : 'unavailable';
  const body = JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail, code });
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${fields}Content-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`;
  socket.end(head + body);
  closeSoon(socket);
}

/** Discards what the peer still sends, and destroys the connection soon: Node itself would keep it as long as the peer likes. */
export function closeSoon(socket: Duplex): void {
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}
