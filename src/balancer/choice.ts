import type { Upstream } from '../proxy/upstream.ts';

/** The servers of an environment that may be picked now: in rotation, and healthy unless health is ignored. */
export interface Choice {
  /** Number of those with a weight above 0. */
  readonly weighted: number;
  find(id: string): Upstream | undefined;
}
