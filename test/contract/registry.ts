import type { Test } from 'tap';
import type { Registry } from '../../src/registry/contract.ts';
import { deployments, environments, projects } from './registry-operators.ts';
import { restoring } from './registry-restoration.ts';
import { joining, operating, renewing } from './registry-servers.ts';
import { racing, watching } from './registry-together.ts';

/** One implementation under test, on data of its own. */
export interface RegistryUnderTest {
  readonly registry: Registry;
  /** The same data, seen by somebody else. */
  readonly other: Registry;
  /** Settles once the lease of a server has ended by itself. */
  leaseEnds(id: string): Promise<void>;
  /** Breaks all connections, as a network would. Nothing for an implementation without any. */
  disconnect?(): Promise<void>;
}

/** Makes one, for one test. */
export type Open = (t: Test) => Promise<RegistryUnderTest>;

/** What every {@link Registry} must do. */
export function registryContract(t: Test, open: Open): void {
  for (const part of [environments, projects, deployments, joining, renewing, operating, watching, racing, restoring]) part(t, open);
}
