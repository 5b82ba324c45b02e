import { readBegins, readEnds } from './read-time.ts';

/** A receiver, as far as it takes octets. */
interface OctetReceiver {
  octets(buffer: Buffer, start: number, end: number): unknown;
  crashed(error: unknown): void;
}

/** Gives the first `count` octets of `buffer`, those of one read, to their receiver. Returns false if it does not want more. */
export function handOver(receiver: OctetReceiver, buffer: Buffer, count: number): boolean {
  readBegins();
  try {
    return receiver.octets(buffer, 0, count) !== false;
  } catch (error) {
    receiver.crashed(error);
    return true;
  } finally {
    readEnds();
  }
}
