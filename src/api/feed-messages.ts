import type { Happening, ServerAnswer } from './answers.ts';
import type { PackedSample } from './series.ts';

/** The traffic of one second; whoever is not named had none. */
export interface TrafficSamples {
  readonly environments: Readonly<Record<string, PackedSample>>;
  /** By environment and id. */
  readonly servers: Readonly<Record<string, Readonly<Record<string, PackedSample>>>>;
}

/** What `/v1/events` says, one JSON text a message. `at` is the wall clock in milliseconds. */
export type FeedMessage =
  /** First thing said: who speaks. Another `instance` than before has started anew, and counts from zero. */
  | {
      readonly type: 'welcome';
      readonly at: number;
      readonly instance: string;
      readonly version: string;
      /** Whether the registry answers. */
      readonly registry: boolean;
      /** When the reader's session ends; absent for one that shows the token. */
      readonly sessionEnds?: number;
    }
  /** All servers: said at first, and again after the feed lost sight of them. */
  | { readonly type: 'servers'; readonly at: number; readonly servers: readonly ServerAnswer[] }
  /** The traffic of an environment in the last two minutes, by wall clock in seconds, oldest first: said at first, of each. */
  | {
      readonly type: 'history';
      readonly at: number;
      readonly environment: string;
      readonly samples: readonly (readonly [at: number, figures: PackedSample])[];
    }
  /** What happened, oldest first: at first everything that is still known. */
  | { readonly type: 'happenings'; readonly at: number; readonly happenings: readonly Happening[] }
  /** A server is new, or something about it other than health and traffic is. */
  | { readonly type: 'membership'; readonly at: number; readonly server: ServerAnswer; readonly was?: ServerAnswer['state'] }
  | { readonly type: 'gone'; readonly at: number; readonly id: string; readonly environment: string | null }
  | {
      readonly type: 'health';
      readonly at: number;
      readonly id: string;
      readonly environment: string | null;
      readonly health: ServerAnswer['health'];
      readonly was: ServerAnswer['health'];
      readonly reason?: string;
    }
  /** The environment's wanted version. */
  | { readonly type: 'deployment'; readonly at: number; readonly environment: string; readonly version: number }
  | { readonly type: 'environment' | 'project'; readonly at: number; readonly name: string }
  /** Once a second. */
  | ({ readonly type: 'traffic'; readonly at: number } & TrafficSamples)
  /** The registry can be reached again, or cannot any more: then the last known servers go on. */
  | { readonly type: 'registry'; readonly at: number; readonly up: boolean }
  /** Something may have been missed: read everything again. */
  | { readonly type: 'resync'; readonly at: number };
