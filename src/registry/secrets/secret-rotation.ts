import type { Clock } from '../../model/clock.ts';
import { SluiceError } from '../../model/fault.ts';
import type { Log } from '../../model/log.ts';
import type { SealedSecrets } from '../contract.ts';
import { KeyFile } from './key-file.ts';
import { type KeyNote, KeyNotes } from './key-notes.ts';
import { keysFrom } from './load-secret-keys.ts';
import type { SealedBy, Secrets } from './secrets.ts';

/** Keys of the registry's secrets, as an operator is told of them: ids alone, which tell nothing about the keys. */
export interface SecretsStatus {
  /** Place of this balancer's keys: a variable or a file. */
  readonly origin: string;
  /** Keys of this balancer, the one that seals first. */
  readonly keys: readonly string[];
  readonly secrets: readonly SealedBy[];
  /** The other balancers on the registry. */
  readonly others: readonly KeyNote[];
}

/** Outcome of a rotation. */
export interface Rotated extends SecretsStatus {
  /** Number of secrets that were sealed with the first key now. */
  readonly resealed: number;
  /** True if this balancer made a new key for it. */
  readonly made: boolean;
}

/** Replaces the key of the registry's secrets, while they can be opened by every balancer at every moment. */
export class SecretRotation {
  readonly #secrets: Secrets;
  /** Undefined: the registry is this balancer's alone. */
  readonly #notes: KeyNotes | undefined;
  readonly #file: KeyFile;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #log: Log;
  #present: Promise<unknown> = Promise.resolve();

  constructor(parts: {
    secrets: Secrets;
    sealed: SealedSecrets;
    dataDir: string;
    env: Readonly<Record<string, string | undefined>>;
    clock: Clock;
    logger: Log;
    /** No other balancer can open the registry. */
    alone: boolean;
  }) {
    const { secrets, dataDir, alone } = parts;
    this.#secrets = secrets;
    this.#env = parts.env;
    this.#file = new KeyFile(dataDir);
    this.#log = parts.logger;
    this.#notes = alone ? undefined : new KeyNotes({ ...parts, keys: () => secrets.keys });
  }

  /** Notes this balancer's keys, and seals with the first one what an earlier one sealed, if no other balancer lacks it. Never rejects. */
  async start(): Promise<void> {
    await this.#notes?.write();
    try {
      const lacking = await this.#lacking();
      if (lacking.length === 0) await this.#secrets.resealAll();
      else this.#log.warn(lackingText(this.#secrets.keyId, lacking));
    } catch (error) {
      const { message: reason } = error as Error;
      this.#log.warn(
        { reason },
        'it is not known that every secret of the registry is sealed with the present key: see "sluice secrets status"',
      );
    }
  }

  /** Reads the keys again: for a reload. Rejects with `invalid` if they cannot be used; then the present ones stay. */
  async reload(): Promise<void> {
    this.#secrets.use(await keysFrom(this.#file, this.#env));
    await this.#notes?.write();
  }

  async status(): Promise<SecretsStatus> {
    const { origin, ids } = this.#secrets.keys;
    return { origin, keys: ids, secrets: await this.#secrets.survey(), others: await this.#others() };
  }

  /**
   * Reads the keys again, and seals everything with the first one. If that has been done already, and this balancer is the only one and has its key in
   * a file, makes a new key, seals everything with it, and drops the former one. Rejects with `conflict` if another balancer lacks the first key.
   */
  rotate(): Promise<Rotated> {
    const turn = this.#present.then(() => this.#rotate());
    this.#present = turn.catch(() => {});
    return turn;
  }

  async stop(): Promise<void> {
    await this.#notes?.stop();
  }

  async #rotate(): Promise<Rotated> {
    await this.reload();
    const lacking = await this.#lacking();
    if (lacking.length > 0) throw new SluiceError('conflict', `nothing was changed: ${lackingText(this.#secrets.keyId, lacking)}`);
    let resealed = await this.#secrets.resealAll();
    const mayMake = resealed === 0 && this.#secrets.keys.origin === this.#file.path && (await this.#others()).length === 0;
    if (mayMake) {
      await this.#file.prepend();
      await this.reload();
      resealed = await this.#secrets.resealAll();
      const [first] = this.#secrets.keys.ids;
      // A key stays as long as anything needs it.
      const rest = (await this.#secrets.survey()).filter(({ key }) => key !== first && this.#secrets.keys.ids.includes(key ?? ''));
      if (rest.length === 0) {
        await this.#file.keepFirst();
        await this.reload();
      }
    }
    return { ...(await this.status()), resealed, made: mayMake };
  }

  async #others(): Promise<KeyNote[]> {
    return (await this.#notes?.others()) ?? [];
  }

  /** Other balancers that have an earlier key of this one, but not the key that seals here: they could not read what it seals. */
  async #lacking(): Promise<KeyNote[]> {
    const [first = '', ...earlier] = this.#secrets.keys.ids;
    return (await this.#others()).filter(({ keys }) => !keys.includes(first) && keys.some((key) => earlier.includes(key)));
  }
}

function lackingText(key: string, lacking: readonly KeyNote[]): string {
  const names = lacking.map(({ balancer }) => balancer).join(', ');
  return `key ${key}, which is to seal the secrets, is unknown to ${names}: give every balancer the new key after its present one first ("OLD NEW"). A balancer that was killed counts for 3 minutes`;
}
