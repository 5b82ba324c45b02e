import type { AddressGuard } from '../model/address-guard.ts';
import type { Random } from '../model/clock.ts';
import { atOnce, type Pieces } from '../model/pieces.ts';
import type { Project } from '../model/project.ts';
import type { SnapshotUpdate } from '../model/snapshot-update.ts';
import type { Variables } from '../projects/variables.ts';
import type { Candidate } from './candidate.ts';
import { type CompiledProject, compileInPieces } from './compiled-project.ts';
import type { SavedProject } from './saved-project.ts';
import type { TargetFailureLog } from './target-failure-log.ts';

/** Maximum length of a reported reason in characters: the registry refuses a longer one. */
const maxReason = 2000;

type Compiled = { readonly project: CompiledProject } | { readonly fault: string; readonly unread?: boolean };

/** A result with what was there when it was compiled. */
interface Prepared {
  readonly hash: string;
  readonly previous: CompiledProject | undefined;
  readonly compiled: Compiled;
}

/** Compiles the projects that one update changes. What was prepared in turns of the event loop is used, unless another revision has come to run meanwhile. */
export class CandidateCompiler {
  readonly #update: Pick<SnapshotUpdate, 'epoch' | 'variables'>;
  readonly #random: Random;
  readonly #failureLog: TargetFailureLog;
  readonly #guard: AddressGuard | undefined;
  readonly #read: (hash: string) => Project | undefined;
  /** By name. */
  readonly #prepared = new Map<string, Prepared>();

  /** @param parts.read returns the contents of a revision by its hash; undefined if they cannot be read */
  constructor(
    update: Pick<SnapshotUpdate, 'epoch' | 'variables'>,
    parts: { random: Random; failureLog: TargetFailureLog; guard?: AddressGuard | undefined; read: (hash: string) => Project | undefined },
  ) {
    this.#update = update;
    this.#random = parts.random;
    this.#failureLog = parts.failureLog;
    this.#guard = parts.guard;
    this.#read = parts.read;
  }

  /** Compiles the deployed revision for a later call of {@link candidate}, in pieces. */
  *prepare(given: SavedProject, previous: CompiledProject | undefined): Pieces<void> {
    if (given.fault !== undefined) return;
    const compiled = yield* this.#compile(given, this.#update.variables, previous);
    this.#prepared.set(given.name, { hash: given.hash, previous, compiled });
  }

  /** @param previous what the server serves of the project, or keeps of it */
  candidate(given: SavedProject, previous: CompiledProject | undefined): Candidate {
    const result = this.#deployed(given, previous);
    if ('project' in result) return { given, deployed: result.project, fault: undefined, unread: false, kept: undefined };
    const { fault, unread = false } = result;
    return { given, deployed: undefined, fault, unread, kept: this.kept(given, previous) };
  }

  /** Chooses the revision to serve of a project whose deployed revision was rejected: its fallback, or else the one that this server had before. */
  kept(given: SavedProject, previous: CompiledProject | undefined): CompiledProject | undefined {
    const { name, fallback, fault } = given;
    // The deployed revision itself runs here, although its content is lost in the registry.
    const hasIt = fault !== undefined && previous?.revision === given.revision && previous.epoch === this.#update.epoch;
    if (fallback === undefined || hasIt) return previous;
    const result = atOnce(this.#compile({ name, ...fallback }, fallback.variables ?? this.#update.variables, previous));
    return 'project' in result ? result.project : previous;
  }

  #deployed(given: SavedProject, previous: CompiledProject | undefined): Compiled {
    if (given.fault !== undefined) return { fault: given.fault.slice(0, maxReason) };
    const prepared = this.#prepared.get(given.name);
    if (prepared?.hash === given.hash && prepared.previous === previous) return prepared.compiled;
    return atOnce(this.#compile(given, this.#update.variables, previous));
  }

  *#compile(
    { name, revision, hash }: Pick<SavedProject, 'name' | 'revision' | 'hash'>,
    variables: Variables,
    previous: CompiledProject | undefined,
  ): Pieces<Compiled> {
    const { epoch } = this.#update;
    // The number alone is not enough: a registry restored with older data assigns the same revision numbers again.
    if (previous?.revision === revision && previous.hash === hash && holds(variables, previous.variables))
      return { project: previous.epoch === epoch ? previous : { ...previous, epoch } };
    const project = this.#read(hash);
    if (project === undefined) {
      const fault = `the contents of revision ${revision} cannot be read from this server's disk: they are requested from the registry again`;
      return { fault, unread: true };
    }
    try {
      const parts = { random: this.#random, failureLog: this.#failureLog, guard: this.#guard };
      const options = { origin: { epoch, variables }, previous, ...parts };
      return { project: yield* compileInPieces({ name, revision, hash, project }, options) };
    } catch (error) {
      return { fault: (error instanceof Error ? error.message : String(error)).slice(0, maxReason) };
    }
  }
}

/** True if `variables` has each of these with the same value. */
export function holds(variables: Variables, these: Variables): boolean {
  for (const name in these) if (!Object.hasOwn(variables, name) || variables[name] !== these[name]) return false;
  return true;
}
