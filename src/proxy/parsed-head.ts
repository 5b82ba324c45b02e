import { ResponseHead } from '../http1/message/response-head.ts';
import { parseResponseHead } from '../http1/message/response-parser.ts';
import type { ResponseMessages } from './response-messages.ts';

/** Most fields of such a head: more than a server's response may have, since policies add some. */
const maxFields = 512;

/** Parses a response head that was written here. @param text status line and fields, without the closing empty line */
export function parsedHead(text: string): ResponseHead {
  return parse(Buffer.from(`${text}\r\n`, 'latin1')).head;
}

/** Sends a response that was written here as text, unless it ends early. */
export function answerInMessages(messages: ResponseMessages, answer: Buffer, response: { readonly ended: boolean }): void {
  const { head, length } = parse(answer);
  messages.head(head, undefined, '');
  if (!response.ended && answer.length > length) messages.data(answer, length, answer.length);
  if (!response.ended) messages.end('');
}

function parse(octets: Buffer): { readonly head: ResponseHead; readonly length: number } {
  const head = new ResponseHead(maxFields);
  const limits = { headBytes: octets.length, targetBytes: 0, fields: maxFields };
  const length = parseResponseHead(head, octets, 0, octets.length, limits);
  if (length <= 0) throw new Error(`a response head that was written here is not valid: ${head.fault?.title ?? 'it has no end'}`);
  return { head, length };
}
