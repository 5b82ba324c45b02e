import { contentHash } from '../model/content-hash.ts';
import type { Fault } from '../model/fault.ts';
import { hasHiddenKey } from '../model/hidden-keys.ts';
import type { Project } from '../model/project.ts';
import { warningsOf } from './project-warnings.ts';

/** The facts about a checked project that a registry needs, beside its text: plain data, so that they can be sent between processes. */
export interface CheckedFacts {
  readonly name: string;
  /** The author's label. */
  readonly version: string;
  /** The project with its defaults, as JSON. */
  readonly json: string;
  /** Content hash. */
  readonly hash: string;
  /** True if the digest of a private key stands in the project in place of the key. */
  readonly hidesKeys: boolean;
  /** Parts that work, but not for long or not safely. */
  readonly warnings: readonly Fault[];
}

/**
 * A project that was checked by the schema of pushed projects, perhaps in another process: then its text is stored as it came. Parsing half a megabyte
 * takes several milliseconds, in which traffic of this process would wait.
 */
export class CheckedProject {
  readonly facts: CheckedFacts;

  constructor(facts: CheckedFacts) {
    this.facts = facts;
  }

  /** @param date in milliseconds since 1970, for warnings of what ends */
  static of(project: Project, date: number = Date.now()): CheckedProject {
    const { name, version } = project;
    return new CheckedProject({
      name,
      version,
      json: JSON.stringify(project),
      hash: contentHash(project),
      hidesKeys: hasHiddenKey(project),
      warnings: warningsOf(project, date),
    });
  }

  /** Parses the project. */
  parsed(): Project {
    return JSON.parse(this.facts.json) as Project;
  }
}
