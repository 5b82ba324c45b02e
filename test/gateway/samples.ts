import { contentHash } from '../../src/model/content-hash.ts';
import { type Project, type ProjectInput, project } from '../../src/model/project.ts';
import type { DeployedProject, Snapshot } from '../../src/model/snapshot.ts';
import { type SnapshotUpdate, wholeUpdate } from '../../src/model/snapshot-update.ts';

export function projectOf(input: Partial<ProjectInput> & { name: string }): Project {
  return project.parse({ basePath: `/${input.name}`, targets: { default: { url: 'http://127.0.0.1:9201/api' } }, ...input });
}

export function deployed(input: Partial<ProjectInput> & { name: string }, revision = 1): DeployedProject {
  return { name: input.name, revision, project: projectOf(input) };
}

export function snapshotOf(
  version: number,
  projects: readonly DeployedProject[],
  rest: Partial<Pick<Snapshot, 'environment' | 'epoch' | 'variables'>> = {},
): Snapshot {
  const variables = rest.variables ?? {};
  return { epoch: 'epoch-1', environment: 'production', ...rest, version, variables, projects, hash: contentHash({ variables, projects }) };
}

/** The update that replaces everything by such a snapshot. */
export function wholeOf(...given: Parameters<typeof snapshotOf>): SnapshotUpdate {
  return wholeUpdate(snapshotOf(...given));
}

/** Snapshot of a lost registry. A restoration is not refused for what servers will reject, unlike a deploy. */
export function offer(version: number, shop: Omit<DeployedProject, 'name'>): Snapshot {
  const projects = [{ name: 'shop', ...shop }];
  return { epoch: 'lost', version, hash: '0'.repeat(64), environment: 'one', variables: {}, projects };
}
