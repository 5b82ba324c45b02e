import type { Family } from '../metrics/family.ts';
import { inTurns } from '../model/pieces.ts';
import { formatIdentity } from '../model/server-identity.ts';
import type { SnapshotId } from '../model/snapshot-id.ts';
import type { SnapshotUpdate } from '../model/snapshot-update.ts';
import { InProcessListener } from '../proxy/in-process-listener.ts';
import { PassagePool } from '../proxy/passage-pool.ts';
import type { UpstreamPool } from '../proxy/upstream-pool.ts';
import { CallerFiles } from './caller-files.ts';
import { type CoreParts, GatewayCore } from './gateway-core.ts';
import { GatewayHandler } from './gateway-handler.ts';
import type { ReportRows } from './usage-report.ts';
import { withDeadline } from './with-deadline.ts';

/** Settings of a {@link GatewayCopy}. */
export interface CopyOptions extends Pick<CoreParts, 'id' | 'holder' | 'registry' | 'guard' | 'lines' | 'clock' | 'random' | 'logger'> {
  /** Id of the server's start. */
  readonly instance: string;
  /** Address that stands for the server in the registry. */
  readonly address: string;
  /** Data folder of the server, which only the server itself writes. */
  readonly dataDir: string;
  /** Milliseconds between two looks for changed consumers without news, about. */
  readonly everyMs: number;
}

/**
 * Serves requests of a gateway server that joins in another process: what it runs comes from there. Requests reach it from a role of this process, without
 * a connection.
 */
export class GatewayCopy {
  /** The ways to it. */
  readonly pool: UpstreamPool;
  readonly #core: GatewayCore;
  readonly #handler: GatewayHandler;
  readonly #listener: InProcessListener;
  readonly #options: CopyOptions;
  /** End of the latest step: steps are taken in order. */
  #turn: Promise<unknown>;

  constructor(options: CopyOptions) {
    const { id, instance, dataDir, logger } = options;
    this.#options = options;
    const files = new CallerFiles(dataDir, logger);
    const core = new GatewayCore({ ...options, files: { load: () => files.load(), save: () => {}, settled: async () => {} } });
    this.#core = core;
    const { applier, callers } = core;
    this.#handler = new GatewayHandler(
      {
        get table() {
          return applier.table;
        },
        get ready() {
          return applier.table !== undefined;
        },
        get identity() {
          return formatIdentity({ id, instance, environment: applier.environment });
        },
      },
      logger,
    );
    this.#listener = new InProcessListener(options.address, this.#handler);
    this.pool = new PassagePool(this.#listener);
    core.follow();
    this.#turn = callers.load().finally(() => callers.start());
  }

  /** Applies what the server runs by now; undefined: it runs nothing. Resolves to what runs here then. */
  apply(update: SnapshotUpdate | undefined): Promise<SnapshotId | undefined> {
    const done = this.#turn.catch(() => {}).then(() => this.#apply(update));
    this.#turn = done;
    return done;
  }

  /** Metrics of what requests did here. */
  families(): Promise<Family[]> {
    return inTurns(this.#core.families(this.#handler.unmatched));
  }

  usage(project: string | undefined): Promise<ReportRows> {
    return inTurns(this.#core.usage(project));
  }

  /** Lets exchanges finish for up to `graceMs`, then ends. */
  async close(graceMs: number): Promise<void> {
    await this.#listener.close(graceMs);
    await withDeadline(this.#core.stop(), 1000, this.#options.clock).catch(() => {});
  }

  async #apply(update: SnapshotUpdate | undefined): Promise<SnapshotId | undefined> {
    const { applier, callers } = this.#core;
    if (update === undefined) {
      applier.clear();
      return undefined;
    }
    const compiler = await inTurns(applier.prepare(update));
    // Without the registry, those on disk are used.
    await callers.upToDate().catch(() => {});
    await inTurns(applier.applying(update, compiler));
    return applier.running;
  }
}
