import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import * as z from 'zod';
import type { Clock } from '../../model/clock.ts';
import { CoalescedTask } from '../../model/coalesced-task.ts';
import { SluiceError } from '../../model/fault.ts';
import type { Log } from '../../model/log.ts';
import type { SealedSecrets } from '../contract.ts';
import { contextOf, type SecretKeys } from './secret-keys.ts';

/** Begin of the names of notes. Their clear part is all that there is. */
export const keyNotePrefix = 'keys:';
/** Milliseconds between two notes of a balancer, and after which a note that is not renewed counts no more. */
const noteMs = 60_000;
const keptMs = 3 * noteMs;

const clearPart = z.object({ keys: z.array(z.string()), balancer: z.string(), at: z.number() });

/** The ids of the keys that a balancer has, the one that seals first. */
export interface KeyNote {
  /** Host and process. */
  readonly balancer: string;
  readonly keys: readonly string[];
  readonly at: number;
}

/** Notes in the registry which keys each balancer has, so that none is replaced by one that another balancer lacks. */
export class KeyNotes {
  readonly #sealed: SealedSecrets;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #keys: () => SecretKeys;
  readonly #name = `${keyNotePrefix}${randomUUID()}`;
  readonly #writing: CoalescedTask;

  /** @param parts.keys gives this balancer's keys */
  constructor(parts: { sealed: SealedSecrets; clock: Clock; logger: Log; keys: () => SecretKeys }) {
    this.#sealed = parts.sealed;
    this.#clock = parts.clock;
    this.#log = parts.logger;
    this.#keys = parts.keys;
    this.#writing = new CoalescedTask({ clock: parts.clock, run: () => this.#run() });
  }

  /** Writes this balancer's note, and again every minute. Never rejects. */
  write(): Promise<void> {
    return this.#writing.now();
  }

  /** Reads the notes of the other balancers. */
  async others(): Promise<KeyNote[]> {
    const { notes } = await this.#read();
    return notes;
  }

  /** Removes this balancer's note. Never rejects. */
  async stop(): Promise<void> {
    this.#writing.stop();
    await this.#writing.flush();
    try {
      const own = await this.#sealed.get(this.#name);
      if (own !== undefined) await this.#sealed.remove(this.#name, own.revision);
    } catch (error) {
      this.#log.debug({ reason: (error as Error).message }, 'the note of the keys of this balancer stays until it is outdated');
    }
  }

  async #run(): Promise<void> {
    try {
      const { own, outdated } = await this.#read();
      for (const { name, revision } of outdated) await this.#sealed.remove(name, revision);
      const keys = this.#keys();
      const note: KeyNote = { keys: keys.ids, balancer: `${hostname()} (process ${process.pid})`, at: this.#clock.date() };
      await this.#sealed.put(this.#name, keys.seal('', contextOf(this.#name)), own?.revision ?? 0, JSON.stringify(note));
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      this.#log.debug({ reason: error.message }, 'the keys of this balancer cannot be noted; trying again');
    }
    this.#writing.soon(noteMs);
  }

  async #read() {
    const notes: KeyNote[] = [];
    const outdated: { readonly name: string; readonly revision: number }[] = [];
    const all = await this.#sealed.list(keyNotePrefix);
    for (const { name, clear, revision } of all) {
      if (name === this.#name) continue;
      const note = read(clear);
      if (note === undefined || Math.abs(this.#clock.date() - note.at) > keptMs) outdated.push({ name, revision });
      else notes.push(note);
    }
    return { notes, outdated, own: all.find(({ name }) => name === this.#name) };
  }
}

function read(clear: string | undefined): KeyNote | undefined {
  try {
    return clearPart.parse(JSON.parse(clear ?? ''));
  } catch {
    return undefined;
  }
}
