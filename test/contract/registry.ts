import type { Test } from 'tap';
import type { Registry } from '../../src/registry/contract.ts';
import { callers } from './registry-callers.ts';
import { certifying } from './registry-certificates.ts';
import { limits } from './registry-limits.ts';
import { manyDeployments } from './registry-many.ts';
import { deployments, environments, projects } from './registry-operators.ts';
import { removing } from './registry-removals.ts';
import { restoring } from './registry-restoration.ts';
import { secrets } from './registry-secrets.ts';
import { joining, operating, renewing } from './registry-servers.ts';
import { racing, watching } from './registry-together.ts';

/** One implementation under test, with separate data for each test. */
export interface RegistryUnderTest {
  readonly registry: Registry;
  /** A second client of the same data. */
  readonly other: Registry;
  /** Resolves once the lease of a server has ended. */
  leaseEnds(id: string): Promise<void>;
  /** The registry that a balancer lends to `registry` and `other`. Absent for an implementation that needs none. */
  readonly behind?: Registry;
  /** Breaks all connections, like a network failure. Absent for an implementation without connections. */
  disconnect?(): Promise<void>;
}

/** Opens a registry for one test. */
export type Open = (t: Test) => Promise<RegistryUnderTest>;

/** Tests that every {@link Registry} must pass. */
export function registryContract(t: Test, open: Open): void {
  for (const part of [
    environments,
    projects,
    deployments,
    manyDeployments,
    joining,
    renewing,
    operating,
    removing,
    secrets,
    limits,
    certifying,
    callers,
    watching,
    racing,
    restoring,
  ])
    part(t, open);
}
