import { systemClock } from '../model/clock.ts';
import { SparseWarning } from '../model/sparse-warning.ts';

/** Counts clients whose handshake failed, and tells the log of them. */
class FailedHandshakes extends SparseWarning {
  /** @param client its IP address */
  report(client: string, error: Error & { code?: string; reason?: string }): void {
    this.tell({ client, reason: error.reason ?? error.code ?? error.message });
  }
}

/** The process-wide instance. */
export const failedHandshakes = new FailedHandshakes(systemClock, {
  counted: 'failed',
  message: 'TLS handshakes of clients failed; the last one for this reason',
});
