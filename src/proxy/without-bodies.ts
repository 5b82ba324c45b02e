import type { RequestBody, ResponseBody } from '../http1/message/bodies.ts';

/** The bodies of an exchange that has none: the request's is empty, and no response comes. */
export class WithoutBodies implements RequestBody, ResponseBody {
  limitBody(): void {}

  collectBody(): Buffer {
    return Buffer.alloc(0);
  }

  replaceBody(): void {}

  observeResponse(): void {}

  transformResponse(): boolean {
    return false;
  }

  replaceResponse(): boolean {
    return false;
  }
}
