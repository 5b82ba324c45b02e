import type { Happening, ServerAnswer } from './answers.ts';
import type { PackedSample } from './sample.ts';

/** Happenings that the balancer keeps in its journal, and that readers of the feed keep. */
export const maxHappenings = 500;

/** The traffic of one second. Environments and servers without traffic are left out. */
export interface TrafficSamples {
  readonly environments: Readonly<Record<string, PackedSample>>;
  /** By environment and server id. */
  readonly servers: Readonly<Record<string, Readonly<Record<string, PackedSample>>>>;
}

/** The messages of `/v1/events`, each a JSON text; `at` is the wall clock in milliseconds. */
export type FeedMessage =
  /** Always first. An `instance` that differs from the one before means that the balancer has restarted, with all counts at zero. */
  | {
      readonly type: 'welcome';
      readonly at: number;
      readonly instance: string;
      readonly version: string;
      /** True while the registry answers. */
      readonly registry: boolean;
      /** Why the registry refuses writes, and what to do; absent while it takes them. */
      readonly refuses?: string;
      /** End of the reader's session, wall clock in milliseconds; absent for a reader that sent a token. */
      readonly sessionEnds?: number;
    }
  /** All servers; sent to a new reader, and when the balancer has read them for the first time. */
  | { readonly type: 'servers'; readonly at: number; readonly servers: readonly ServerAnswer[] }
  /** An environment's traffic in the last two minutes, oldest first; sent for each environment to a new reader. */
  | {
      readonly type: 'history';
      readonly at: number;
      readonly environment: string;
      /** `at` here is in seconds. */
      readonly samples: readonly (readonly [at: number, sample: PackedSample])[];
    }
  /** New happenings, oldest first; to a new reader the whole journal. */
  | { readonly type: 'happenings'; readonly at: number; readonly happenings: readonly Happening[] }
  /** A server is new, or changed in anything other than health, traffic and lease; `was` is its state before, if that changed. */
  | { readonly type: 'membership'; readonly at: number; readonly server: ServerAnswer; readonly was?: ServerAnswer['state'] }
  /** A server is no longer registered. */
  | { readonly type: 'gone'; readonly at: number; readonly id: string; readonly environment: string | null }
  /** A server's health changed from `was`, or only the reason for it. */
  | {
      readonly type: 'health';
      readonly at: number;
      readonly id: string;
      readonly environment: string | null;
      readonly health: ServerAnswer['health'];
      readonly was: ServerAnswer['health'];
      readonly reason?: string;
    }
  /** An environment has a new snapshot; `version` is its version. */
  | { readonly type: 'deployment'; readonly at: number; readonly environment: string; readonly version: number }
  /** An environment or a project changed; an environment also if its listener opened, closed or moved, or a certificate has another state. */
  | { readonly type: 'environment' | 'project'; readonly at: number; readonly name: string }
  /** Sent once a second. */
  | ({ readonly type: 'traffic'; readonly at: number } & TrafficSamples)
  /**
   * The registry answers again or has stopped answering, or refuses writes (`refuses`: why, and what to do) or takes them again. Traffic
   * continues in any case.
   */
  | { readonly type: 'registry'; readonly at: number; readonly up: boolean; readonly refuses?: string }
  /** Messages may have been missed: readers should read everything again from the API. */
  | { readonly type: 'resync'; readonly at: number };
