import { RequestHead } from '../message/request-head.ts';

/** Head objects that no request is using. */
const spare: RequestHead[] = [];
const most = 256;

/** Returns a head object for the next request of a connection. */
export function takeHead(): RequestHead {
  return spare.pop() ?? new RequestHead();
}

/** Takes a head object back for another request. */
export function giveHeadBack(head: RequestHead): void {
  if (spare.length < most) spare.push(head);
}
