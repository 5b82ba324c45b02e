import { createHash } from 'node:crypto';
import type { Project } from './project.ts';
import type { SnapshotId } from './snapshot-id.ts';

/** One project revision as deployed. */
export interface DeployedProject {
  readonly name: string;
  readonly revision: number;
  readonly project: Project;
}

/** Everything an environment's servers need: complete, immutable, replaced as a whole. */
export interface Snapshot extends SnapshotId {
  readonly environment: string;
  readonly variables: Readonly<Record<string, string>>;
  /** Sorted by name. */
  readonly projects: readonly DeployedProject[];
}

/** SHA-256 (hex) of a JSON value, whatever the order of its keys. */
export function contentHash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${entries.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`).join(',')}}`;
}
