import { isDeepStrictEqual } from 'node:util';
import type { AddressGuard } from '../model/address-guard.ts';
import { atOnce, type Pieces } from '../model/pieces.ts';
import type { SnapshotUpdate } from '../model/snapshot-update.ts';
import type { PolicyServices } from '../policies/contract.ts';
import type { Variables } from '../projects/variables.ts';
import type { Candidate } from './candidate.ts';
import { type CompiledProject, compileInPieces } from './compiled-project.ts';
import type { RecentConsumers } from './recent-consumers.ts';
import type { SavedProject } from './saved-project.ts';
import type { ReadContents } from './snapshot-log.ts';
import type { TargetFailureLog } from './target-failure-log.ts';

/** Maximum length of a reported reason in characters: the registry refuses a longer one. */
const maxReason = 2000;

type Compiled = { readonly project: CompiledProject } | { readonly fault: string; readonly unread?: boolean };

/** A result with what was there when it was compiled. */
interface Prepared {
  readonly given: SavedProject;
  readonly previous: CompiledProject | undefined;
  /** The deployed revision; undefined if the registry found a fault in it. */
  readonly compiled: Compiled | undefined;
  /** The revision to serve if the deployed one is rejected, as far as known. */
  readonly kept: CompiledProject | undefined;
}

/** Compiles the projects that one update changes. What was prepared in turns of the event loop is used, unless another revision has come to run meanwhile. */
export class CandidateCompiler {
  readonly #update: Pick<SnapshotUpdate, 'epoch' | 'variables'>;
  readonly #failureLog: TargetFailureLog;
  readonly #guard: AddressGuard | undefined;
  readonly #recent: RecentConsumers | undefined;
  readonly #read: ReadContents;
  readonly #services: PolicyServices;
  /** By name. */
  readonly #prepared = new Map<string, Prepared>();

  /** @param parts.read returns the contents of a revision by its hash; undefined if they cannot be read */
  constructor(
    update: Pick<SnapshotUpdate, 'epoch' | 'variables'>,
    parts: {
      failureLog: TargetFailureLog;
      guard?: AddressGuard | undefined;
      recent?: RecentConsumers;
      read: ReadContents;
      services: PolicyServices;
    },
  ) {
    this.#update = update;
    this.#failureLog = parts.failureLog;
    this.#guard = parts.guard;
    this.#recent = parts.recent;
    this.#read = parts.read;
    this.#services = parts.services;
  }

  /** Compiles the deployed revision for a later call of {@link candidate}, or the revision to serve if it is rejected, in pieces. */
  *prepare(given: SavedProject, previous: CompiledProject | undefined): Pieces<void> {
    const compiled = given.fault === undefined ? yield* this.#compile(given, this.#update.variables, previous) : undefined;
    const kept = compiled !== undefined && 'project' in compiled ? undefined : yield* this.#kept(given, previous);
    this.#prepared.set(given.name, { given, previous, compiled, kept });
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
    return this.#preparedFor(given, previous)?.kept ?? atOnce(this.#kept(given, previous));
  }

  *#kept({ name, revision, fallback, fault }: SavedProject, previous: CompiledProject | undefined): Pieces<CompiledProject | undefined> {
    // The deployed revision itself runs here, although its content is lost in the registry.
    const hasIt = fault !== undefined && previous?.revision === revision && previous.epoch === this.#update.epoch;
    if (fallback === undefined || hasIt) return previous;
    const result = yield* this.#compile({ name, ...fallback }, fallback.variables ?? this.#update.variables, previous);
    return 'project' in result ? result.project : previous;
  }

  #deployed(given: SavedProject, previous: CompiledProject | undefined): Compiled {
    if (given.fault !== undefined) return { fault: given.fault.slice(0, maxReason) };
    return this.#preparedFor(given, previous)?.compiled ?? atOnce(this.#compile(given, this.#update.variables, previous));
  }

  #preparedFor(given: SavedProject, previous: CompiledProject | undefined): Prepared | undefined {
    const prepared = this.#prepared.get(given.name);
    return prepared !== undefined && prepared.previous === previous && isDeepStrictEqual(prepared.given, given) ? prepared : undefined;
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
    const project = yield* this.#read(hash);
    if (project === undefined) {
      const fault = `the contents of revision ${revision} cannot be read from this server's disk: they are requested from the registry again`;
      return { fault, unread: true };
    }
    try {
      const parts = { failureLog: this.#failureLog, guard: this.#guard, recent: this.#recent, services: this.#services };
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
