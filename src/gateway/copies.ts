import type { Family } from '../metrics/family.ts';
import type { SnapshotId } from '../model/snapshot-id.ts';
import type { SnapshotUpdate } from '../model/snapshot-update.ts';
import type { GatewayLoad } from './drain.ts';
import type { ReportRows } from './usage-report.ts';

/** A gateway server that joins and judges what is deployed, as its copies see it. */
export interface CopySource {
  /** Id of the server's start. */
  readonly instance: string;
  /** The snapshot that the copies should run; undefined: none. */
  readonly running: SnapshotId | undefined;
  /** Reads what runs, with all contents; undefined: nothing runs, or it cannot be read. */
  whole(): Promise<SnapshotUpdate | undefined>;
}

/** Copies of a gateway server in other processes. They carry all of its traffic; the server itself serves no request. */
export interface Copies {
  /** Load of all of them together. */
  readonly load: GatewayLoad;
  /**
   * Brings every copy to what the source runs; resolves when each runs it, or has ended. Never rejects.
   *
   * @param step leads there from what ran before; undefined: it is not known
   */
  follow(step?: SnapshotUpdate): Promise<void>;
  /** Metrics of their projects and limits, added up. */
  families(): Promise<Family[]>;
  /** Rows of a report, of each of them. */
  usage(project: string | undefined): Promise<readonly ReportRows[]>;
}
