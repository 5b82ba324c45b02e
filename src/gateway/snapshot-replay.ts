import { settingsOf } from '../model/snapshot.ts';
import { sameSnapshot } from '../model/snapshot-id.ts';
import type { SavedProject } from './saved-project.ts';
import type { SavedSnapshot } from './saved-snapshot.ts';
import { type Commit, recordIn, type SnapshotRecord } from './snapshot-records.ts';

/**
 * Makes the last snapshot of a log out of its records. A group of changes counts only if all of it is there and it continues from the snapshot so
 * far: after damage, an older snapshot remains, never a mixture.
 */
export class SnapshotReplay {
  #snapshot: SavedSnapshot | undefined;
  #group: Exclude<SnapshotRecord, { commit: unknown }>[] = [];
  #damage: string | undefined;

  get snapshot(): SavedSnapshot | undefined {
    return this.#snapshot;
  }

  /** Damage that the log has; undefined if it has none. */
  get damage(): string | undefined {
    return this.#damage;
  }

  /** True if the last group has no end, as after an interrupted append. */
  get open(): boolean {
    return this.#group.length > 0;
  }

  /** @param text of a line; undefined: it is damaged */
  add(text: string | undefined): void {
    if (text === undefined) {
      this.#damage ??= 'the checksum of a line does not match';
      return;
    }
    const record = recordIn(text);
    if ('commit' in record) this.#commit(record.commit);
    else this.#group.push(record);
  }

  #commit({ epoch, version, hash, environment, from, changes, ...settings }: Commit): void {
    const group = this.#group;
    this.#group = [];
    const before = this.#snapshot;
    const continues = from === undefined || (before?.environment === environment && sameSnapshot(before.id, from));
    if (group.length !== changes || !continues) {
      this.#damage ??= 'a change is missing';
      return;
    }
    const projects = from === undefined || before === undefined ? new Map<string, SavedProject>() : before.projects;
    for (const record of group) {
      if ('put' in record) projects.set(record.put.name, record.put);
      else projects.delete(record.removed);
    }
    this.#snapshot = { id: { epoch, version, hash }, environment, ...settingsOf(settings), projects };
  }
}
