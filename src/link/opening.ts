import type { Introduction } from '../http1/connection/introduction.ts';
import type { RequestHead } from '../http1/message/request-head.ts';
import { reservedPath } from '../model/reserved-path.ts';

/** Path at which a gateway server turns a connection into a link. */
const linkPath = `${reservedPath}/link`;

/** Name and version of the frames. Frames that an older program cannot read get another version: it does not agree to that, and both stay with HTTP/1.1. */
export const protocol = 'sluice-link/1';

/** Asks a server to turn a new connection into a link. It says who it is in the same answer as to its usual introduction. */
export function linkIntroduction(introduction: Introduction): Introduction {
  const usual = introduction.request;
  const line = `GET ${linkPath} HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n`;
  return {
    request: Buffer.concat([Buffer.from(line, 'latin1'), usual.subarray(usual.indexOf('\n') + 1)]),
    refuse: (answer) => (answer.status === 101 && answer.fields.get('upgrade') === protocol ? introduction.refuse(answer) : noLink),
  };
}

/** Why a server of an older version, or one that does not know this balancer, is reached over HTTP/1.1. */
export const noLink = 'it does not agree to a link';

/** True if a request asks to turn its connection into a link of this version. */
export function opensLink(head: RequestHead): boolean {
  if (!head.upgrade || head.method !== 'GET' || head.target() !== linkPath || head.chunked || head.contentLength > 0) return false;
  const offered = head.fields.get('upgrade') ?? '';
  return offered.split(',').some((name) => name.trim() === protocol);
}

/** Agrees to it. @param fields lines that say who the server is */
export function linkAnswer(fields: string): Buffer {
  return Buffer.from(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${fields}\r\n`, 'latin1');
}
