/** A document as it is kept. */
export interface Kept {
  readonly text: string;
  /** Differs after each change. */
  readonly revision: number;
}

/** The registry's secrets, sealed: the part of its store that is used here. */
export interface SecretStore {
  /** Rejects with a `SluiceError` if the document cannot be opened, or the registry cannot be reached. */
  get(name: string): Promise<Kept | undefined>;
  /** Leaves out what cannot be opened. */
  list(prefix: string): Promise<readonly (Kept & { readonly name: string })[]>;
  /** Replaces a document that still has this revision; 0: must not exist. False: another process was faster. */
  put(name: string, text: string, expect: number): Promise<boolean>;
  remove(name: string, expect: number): Promise<boolean>;
  /** @param listener called with the name of a document that may have changed; undefined: any may have */
  watch(listener: (name: string | undefined) => void): { close(): void };
}
