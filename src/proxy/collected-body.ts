import { fieldIds } from '../http1/message/field-ids.ts';
import type { HeaderFields } from '../http1/message/message-view.ts';
import type { RequestHead } from '../http1/message/request-head.ts';

/** The wait for a request body that is being read before the role decides. */
export class CollectedBody {
  readonly promise: Promise<Buffer | undefined>;
  /** Ends the wait. @param body undefined: it will never be complete */
  readonly end: (body: Buffer | undefined) => void;

  constructor() {
    let end: (body: Buffer | undefined) => void = () => {};
    this.promise = new Promise((resolve) => {
      end = resolve;
    });
    this.end = end;
  }
}

/** The body of a request without one. */
export const noBody = Buffer.alloc(0);

/** Fields about the octets of a content, which do not hold for another content in its place. */
const aboutContent = ['content-length', 'content-md5', 'content-digest', 'digest', 'repr-digest', 'trailer'] as const;

/** Gives a head the length of another content that takes the place of its own. */
export function describeContent(head: RequestHead, headers: HeaderFields, length: number): void {
  head.chunked = false;
  head.contentLength = length;
  for (const name of aboutContent) headers.remove(name);
  headers.set('Content-Length', String(length));
}

/** Notes that 100 (Continue) has been sent here, or is not waited for any more: the upstream gets no Expect (RFC 9110 section 10.1.1). */
export function unexpect(head: RequestHead): void {
  head.expectContinue = false;
  const { fields } = head;
  for (let line = fields.indexOf(fieldIds.expect); line >= 0; line = fields.indexOf(fieldIds.expect, line + 1)) fields.strike(line);
}
