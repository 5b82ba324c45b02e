import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Clock, Timer } from '../model/clock.ts';
import { type Certificate, CertificateFault, type CertificateFiles, readCertificate } from './certificate.ts';

/** Milliseconds between two looks at the files. Systems that replace links or folders, as Kubernetes does, escape other ways to watch. */
const lookMs = 2_000;

interface Logger {
  info(about: object, message: string): void;
  error(about: object, message: string): void;
}

/** State of the certificate of two files. */
export interface CertificateState {
  readonly files: CertificateFiles;
  /** The last certificate that passed its checks, or the first one, if only its dates were at fault: it is in use. */
  readonly certificate?: Certificate;
  /** Why the files cannot be used as they are now. */
  readonly fault?: string;
}

interface Entry extends CertificateState {
  certificate?: Certificate;
  fault?: string;
  /** Only the dates of the files are at fault. */
  outdated?: boolean;
  /** State of the files when they were read, and at the last look. */
  read: string;
  seen: string;
}

/**
 * The certificates of this machine, read from files. Notices changed files, and checks them before it uses them: a faulty one changes nothing,
 * and the log says why. One that has expired, or is not valid yet, is used while there is no other: a start after a missed renewal must not
 * keep everything else down.
 */
export class CertificateStore {
  /** Called when a certificate was replaced. */
  changed: () => void = () => {};
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #entries = new Map<string, Entry>();
  readonly #pinned = new Set<string>();
  #nextLook: Timer | undefined;
  #closed = false;

  /** @param folder that relative paths start from */
  constructor(folder: string, clock: Clock, logger: Logger) {
    this.#folder = folder;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** The certificate of these files; undefined if they could never be used. From the first call on the files are watched. */
  find(files: CertificateFiles): Certificate | undefined {
    const key = keyOf(files);
    const known = this.#entries.get(key);
    if (known !== undefined) return known.certificate;
    const entry: Entry = { files, read: '', seen: '' };
    this.#entries.set(key, entry);
    this.#read(entry);
    void this.#stamp(files).then((stamp) => Object.assign(entry, { read: stamp, seen: stamp }));
    this.#nextLook ??= this.#clock.after(lookMs, () => void this.#look());
    return entry.certificate;
  }

  /** Like {@link find}, for files that are watched until the end, whatever `retain` says. */
  pin(files: CertificateFiles): Certificate | undefined {
    this.#pinned.add(keyOf(files));
    return this.find(files);
  }

  /** All files that are watched, with what is known of them. */
  get states(): readonly CertificateState[] {
    return [...this.#entries.values()];
  }

  /** State of the certificate of these files; undefined: they are not watched. */
  stateOf(files: CertificateFiles): CertificateState | undefined {
    return this.#entries.get(keyOf(files));
  }

  /** Why the files cannot be used; undefined if they can. Reads them, and changes nothing. */
  faultOf(files: CertificateFiles): CertificateFault | undefined {
    try {
      readCertificate(files, this.#folder, this.#clock.date());
      return undefined;
    } catch (error) {
      if (error instanceof CertificateFault) return error;
      throw error;
    }
  }

  /** Forgets all files but these. */
  retain(used: Iterable<CertificateFiles>): void {
    const keys = new Set([...used].map(keyOf));
    for (const key of this.#entries.keys()) if (!keys.has(key) && !this.#pinned.has(key)) this.#entries.delete(key);
  }

  /** Reads all files again that have changed, without waiting for the next look. */
  reread(): void {
    let changed = false;
    for (const entry of this.#entries.values()) changed = this.#read(entry) || changed;
    if (changed) this.changed();
  }

  close(): void {
    this.#closed = true;
    this.#nextLook?.cancel();
  }

  /** Reads files that have changed since they were read, once they stayed the same between two looks: they may be written one after the other. */
  async #look(): Promise<void> {
    let changed = false;
    for (const entry of [...this.#entries.values()]) {
      const stamp = await this.#stamp(entry.files);
      const settled = stamp === entry.seen;
      entry.seen = stamp;
      // The dates of files may become right without a change.
      if (!settled || (stamp === entry.read && entry.outdated !== true)) continue;
      entry.read = stamp;
      changed = this.#read(entry) || changed;
    }
    if (this.#closed) return;
    if (changed) this.changed();
    this.#nextLook = this.#clock.after(lookMs, () => void this.#look());
  }

  /** True if another certificate is in use than before. */
  #read(entry: Entry): boolean {
    const before = entry.certificate;
    const { files } = entry;
    try {
      const certificate = readCertificate(files, this.#folder, this.#clock.date());
      delete entry.fault;
      entry.outdated = false;
      if (before?.chain === certificate.chain && before.key === certificate.key) return false;
      entry.certificate = certificate;
      const about = { certificate: files.certificate, names: certificate.names, until: new Date(certificate.notAfter).toISOString() };
      if (before !== undefined) this.#logger.info(about, 'certificate replaced: new connections get it');
      return true;
    } catch (error) {
      if (!(error instanceof CertificateFault)) throw error;
      entry.outdated = error.outdated !== undefined;
      if (entry.fault === error.message) return false;
      entry.fault = error.message;
      const first = before === undefined && error.outdated !== undefined;
      if (first) entry.certificate = error.outdated;
      const inUse = first
        ? '; it is served all the same, because there is no other: clients refuse it'
        : before === undefined
          ? ''
          : '; the certificate that was read before stays in use';
      this.#logger.error({ certificate: files.certificate }, `${error.message}${inUse}`);
      return first;
    }
  }

  async #stamp({ certificate, key }: CertificateFiles): Promise<string> {
    const stamps = [certificate, key].map(async (file) => {
      try {
        const { ino, size, mtimeMs, ctimeMs } = await stat(resolve(this.#folder, file));
        return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      }
    });
    return (await Promise.all(stamps)).join(' ');
  }
}

function keyOf({ certificate, key }: CertificateFiles): string {
  return `${certificate}\0${key}`;
}
