import { RequestHead } from '../message/request-head.ts';

/** Head objects that no request is using. */
const spare: RequestHead[] = [];
/** Most of them that are kept, 7 KiB each: as many requests are often in flight at a time, and a new object costs more than the rest of a request's parsing. */
const most = 1024;

/** Returns a head object for the next request of a connection. */
export function takeHead(): RequestHead {
  return spare.pop() ?? new RequestHead();
}

/** Takes a head object, if there is one, back for another request, of any connection: many requests are the only one of theirs. */
export function giveHeadBack(head: RequestHead | undefined): undefined {
  if (head !== undefined && spare.length < most) spare.push(head);
}
