import { readConnectionOptions } from './connection-options.ts';
import { checkTransferEncoding } from './framing.ts';
import type { MessageHead } from './message-head.ts';
import { type WireFault, wireFaults } from './wire-fault.ts';

/**
 * Reads and checks the fields whose meaning depends on all lines (Transfer-Encoding, Connection, Upgrade), once all lines are there.
 * @param connectionLine the first line of Connection; -1: there is none
 */
export function completeHead(
  head: MessageHead,
  hasUpgrade: boolean,
  hasTransferEncoding: boolean,
  connectionLine: number,
): WireFault | undefined {
  head.chunked = hasTransferEncoding;
  if (hasTransferEncoding) {
    if (head.minor === 0) return wireFaults.codingInHttp10;
    if (head.contentLength >= 0) return wireFaults.conflictingLength;
    const fault = checkTransferEncoding(head.fields);
    if (fault !== undefined) return fault;
  }
  return readConnectionOptions(head, hasUpgrade, connectionLine);
}
