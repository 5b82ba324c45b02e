import type { SluiceError } from '../model/fault.ts';

/** A document as it is kept. */
export interface Kept {
  /** Undefined: the document cannot be opened, for the reason in `fault`. */
  readonly text?: string;
  /** Differs after each change; with it a document that cannot be opened can be replaced, too. */
  readonly revision: number;
  /** Code `invalid`: another key or a newer Sluice sealed the document, which may be of use to others; `internal`: it is damaged. */
  readonly fault?: SluiceError;
}

/** The registry's secrets, sealed: the part of its store that is used here. */
export interface SecretStore {
  /** Names the key of this balancer for secrets. */
  readonly keyId: string;
  /** Rejects with a `SluiceError` if the registry cannot be reached. */
  get(name: string): Promise<Kept | undefined>;
  /** Leaves out what cannot be opened. */
  list(prefix: string): Promise<readonly { readonly name: string; readonly text: string; readonly revision: number }[]>;
  /** Replaces a document that still has this revision; 0: must not exist. False: another process was faster. */
  put(name: string, text: string, expect: number): Promise<boolean>;
  remove(name: string, expect: number): Promise<boolean>;
  /** @param listener called with the name of a document that may have changed; undefined: any may have */
  watch(listener: (name: string | undefined) => void): { close(): void };
}
