import { performance } from 'node:perf_hooks';

let reading = false;
/** Time of the read in progress, once it was asked for; 0 before. */
let known = 0;

/** Time in milliseconds. While octets of one read are processed it stands still: the clock is looked at once for all that they cause. */
export function readTime(): number {
  if (!reading) return performance.now();
  if (known === 0) known = performance.now();
  return known;
}

/** Called before the octets of a read are processed. */
export function readBegins(): void {
  reading = true;
  known = 0;
}

/** Called when they have been processed. */
export function readEnds(): void {
  reading = false;
}
