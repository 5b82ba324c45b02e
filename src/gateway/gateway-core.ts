import type { Logger } from 'pino';
import type { Family } from '../metrics/family.ts';
import type { AddressGuard } from '../model/address-guard.ts';
import type { Clock, Random } from '../model/clock.ts';
import type { Pieces } from '../model/pieces.ts';
import { Caches } from '../policies/cache/caches.ts';
import type { Lines } from '../policies/contract.ts';
import type { ExchangeCounter } from '../proxy/exchange-counter.ts';
import type { Registry, Watch } from '../registry/contract.ts';
import { CallerDirectory } from './caller-directory.ts';
import type { CallerFiles } from './caller-files.ts';
import { CallerReader } from './caller-reader.ts';
import { limitFamilies } from './limit-families.ts';
import { trafficFamilies } from './project-families.ts';
import { SnapshotApplier } from './snapshot-applier.ts';
import type { ReadContents } from './snapshot-log.ts';
import { type ReportRows, reportRows } from './usage-report.ts';

/** Dependencies of a {@link GatewayCore}. */
export interface CoreParts {
  /** Id of the server. */
  readonly id: string;
  /** Name by which it holds its parts of limits. */
  readonly holder: string;
  readonly registry: Pick<Registry, 'callers' | 'watch' | 'limits'>;
  readonly files: Pick<CallerFiles, 'load' | 'save' | 'settled'>;
  /** Milliseconds between two looks for changed consumers without news, about. */
  readonly everyMs: number;
  /** Reads the contents of a revision by its hash; default: contents come with each update. */
  readonly read?: ReadContents | undefined;
  /** Called when another snapshot runs, or none. */
  readonly changed?: () => void;
  /** True: other processes serve its requests, and check its targets. */
  readonly idle?: boolean;
  readonly guard?: AddressGuard | undefined;
  readonly lines?: Lines | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** The part of a gateway server that decides about requests: projects, consumers, limits and stored responses. Each process that serves its requests has one. */
export class GatewayCore {
  readonly applier: SnapshotApplier;
  readonly callers: CallerReader;
  readonly #parts: CoreParts;
  readonly #caches = new Caches();
  #purges: Watch | undefined;

  constructor(parts: CoreParts) {
    this.#parts = parts;
    const { id, holder, registry, files, everyMs, clock, random, logger, guard, lines, read, changed, idle } = parts;
    const directory = new CallerDirectory(clock);
    this.callers = new CallerReader({ registry, id, directory, clock, random, logger, files, everyMs });
    this.applier = new SnapshotApplier({
      ...{ random, logger, clock, guard, lines, read },
      ...{ callers: directory, caches: this.#caches, idle: idle === true },
      sharing: { id: holder, store: registry.limits },
      ...(changed && { changed }),
    });
  }

  /** Begins to remove stored responses as operators ask for it. */
  follow(): void {
    const { id, registry } = this.#parts;
    this.#purges = registry.watch(
      (news) => {
        if (news.kind === 'purge' && news.name === this.applier.environment) this.#caches.purge(news);
        else if (news.kind === 'resync') this.#caches.doubt();
      },
      { server: id },
    );
    // The registry subscribes again by itself, and then sends `resync`.
    this.#purges.ready.catch(() => {});
  }

  /** Metrics of what requests did here. */
  *families(unmatched: ExchangeCounter): Pieces<Family[]> {
    return [...(yield* trafficFamilies(this.applier, unmatched)), ...limitFamilies(this.applier.limits)];
  }

  /** Rows of a report on the requests here. */
  usage(project: string | undefined): Pieces<ReportRows> {
    const projects = this.applier.table?.projects ?? [];
    return reportRows({ projects, project, now: performance.now(), date: this.#parts.clock.date() });
  }

  /** Stops reading, and gives back what it holds of limits. */
  async stop(): Promise<void> {
    this.callers.stop();
    this.#purges?.close();
    await this.applier.limits.close();
  }
}
