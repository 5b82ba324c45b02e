import { contentHash } from '../../src/model/content-hash.ts';
import type { DeployedProject } from '../../src/model/snapshot.ts';
import type { SnapshotUpdate } from '../../src/model/snapshot-update.ts';
import { deployed, wholeOf } from './samples.ts';

/** The same deployed project with the content hash of its revision. */
export function hashed(project: DeployedProject): DeployedProject {
  return { ...project, hash: contentHash(project.project) };
}

/** The update from one snapshot to the next, in which the project `name` gets another revision. */
export function step(from: SnapshotUpdate, name: string, label = ''): SnapshotUpdate {
  const { epoch, version, hash } = from;
  const project = hashed(deployed({ name, version: `${version + 1}${label}` }, version + 1));
  return { ...wholeOf(version + 1, [project]), from: { epoch, version, hash } };
}
