import { type Stats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Clock, Timer } from '../model/clock.ts';
import type { Certificate, CertificateFiles } from './certificate.ts';
import { CertificateFault } from './certificate-fault.ts';
import type { AuthorityFile, ClientAuthority } from './client-authority.ts';
import { fileOf, keyOf, type NamedFiles, readFiles } from './tls-files.ts';

/** Milliseconds between two looks at the files. Systems that replace links or folders, as Kubernetes does, escape other ways to watch. */
const lookMs = 2_000;

interface Logger {
  info(about: object, message: string): void;
  error(about: object, message: string): void;
}

/** State of a certificate, or of authorities of client certificates. */
export interface CertificateState {
  /** File of the certificate, as configured. */
  readonly file: string;
  /** DNS names and IP addresses of the certificate in use; authorities have none. */
  readonly names: readonly string[];
  /** The date at which what is in use expires, in milliseconds since 1970; undefined: the files could never be used. */
  readonly notAfter?: number;
  /** Why the files cannot be used as they are now. */
  readonly fault?: string;
  /** Revocation lists of authorities, by file. */
  readonly lists?: readonly ListState[];
}

/** State of a file with revocation lists. */
export interface ListState {
  readonly file: string;
  /** Number of certificates that are revoked by what is in use. */
  readonly revoked: number;
  /** The date at which the next list is due, in milliseconds since 1970; undefined: the lists tell none, or could never be used. */
  readonly nextUpdate?: number;
  /** Why the file cannot be used as it is now. */
  readonly fault?: string;
}

type Files = NamedFiles['files'];

interface Entry {
  readonly files: Files;
  /** Content of the files when they last passed their checks. */
  content?: Certificate | ClientAuthority;
  fault?: string;
  /** The revocation list at fault, as configured. */
  faultyList?: string;
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
    return this.#find(files) as Certificate | undefined;
  }

  /** The authorities in a file; undefined if it could never be used. Watched like certificates. */
  findAuthority(file: AuthorityFile): ClientAuthority | undefined {
    return this.#find(file) as ClientAuthority | undefined;
  }

  /** Like {@link find}, for files that are watched until the end, whatever `retain` says. */
  pin(files: CertificateFiles): Certificate | undefined {
    this.#pinned.add(keyOf(files));
    return this.find(files);
  }

  /** All files that are watched, with what is known of them. */
  get states(): readonly CertificateState[] {
    return [...this.#entries.values()].map(stateIn);
  }

  /** State of these files; undefined: they are not watched. */
  stateOf(files: Files): CertificateState | undefined {
    const entry = this.#entries.get(keyOf(files));
    return entry && stateIn(entry);
  }

  /** Why the files cannot be used; undefined if they can. The dates of files that are in use are no fault. Reads the files, and changes nothing. */
  faultOf(files: Files): CertificateFault | undefined {
    try {
      readFiles(files, this.#folder, this.#clock.date());
      return undefined;
    } catch (error) {
      if (!(error instanceof CertificateFault)) throw error;
      const inUse = this.#entries.get(keyOf(files))?.content !== undefined;
      return inUse && error.outdated !== undefined ? undefined : error;
    }
  }

  /** Forgets all files but these. */
  retain(used: Iterable<Files>): void {
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
      // The dates of files may become right without a change, and a revocation list out of date.
      if (!settled || (stamp === entry.read && entry.outdated !== true && !isDue(entry, this.#clock.date()))) continue;
      entry.read = stamp;
      changed = this.#read(entry) || changed;
    }
    if (this.#closed) return;
    if (changed) this.changed();
    this.#nextLook = this.#clock.after(lookMs, () => void this.#look());
  }

  #find(files: Files): Entry['content'] {
    const key = keyOf(files);
    const known = this.#entries.get(key);
    if (known !== undefined) return known.content;
    // Before the files are read: a change after that is seen at the next look.
    const stamp = namedIn(files)
      .map((file) => stampNow(resolve(this.#folder, file)))
      .join(' ');
    const entry: Entry = { files, read: stamp, seen: stamp };
    this.#entries.set(key, entry);
    this.#read(entry);
    this.#nextLook ??= this.#clock.after(lookMs, () => void this.#look());
    return entry.content;
  }

  /** True if another certificate is in use than before. */
  #read(entry: Entry): boolean {
    const before = entry.content;
    const { files } = entry;
    const read = this.#tryToRead(files);
    const fault = read instanceof CertificateFault ? read : undefined;
    entry.outdated = fault?.outdated !== undefined;
    // A revocation list that is out of date still tells what is revoked.
    const isBetter = fault !== undefined && entry.outdated && (before === undefined || fault.part === 'crl');
    const content = isBetter ? (fault.outdated as Entry['content']) : read instanceof CertificateFault ? undefined : read;
    const replaced = content !== undefined && (before === undefined || !isSame(before, content));
    if (replaced) entry.content = content;
    if (fault !== undefined) this.#noteFault(entry, fault, before);
    else {
      delete entry.fault;
      delete entry.faultyList;
      if (replaced && before !== undefined) this.#logReplaced(files, content, before);
    }
    return replaced;
  }

  #tryToRead(files: Files): Certificate | ClientAuthority | CertificateFault {
    try {
      return readFiles(files, this.#folder, this.#clock.date());
    } catch (error) {
      if (error instanceof CertificateFault) return error;
      throw error;
    }
  }

  #noteFault(entry: Entry, { message, part, file, outdated }: CertificateFault, before: Entry['content']): void {
    if (entry.fault === message) return;
    entry.fault = message;
    const { files } = entry;
    const list = 'crl' in files && part === 'crl' ? files.crl.find((one) => resolve(this.#folder, one) === file) : undefined;
    if (list === undefined) delete entry.faultyList;
    else entry.faultyList = list;
    this.#logger.error({ ...files, key: undefined }, `${message}${consequence(files, part, outdated !== undefined, before !== undefined)}`);
  }

  #logReplaced(files: Files, content: Certificate | ClientAuthority, before: Certificate | ClientAuthority): void {
    const until = new Date(content.notAfter).toISOString();
    if ('certificate' in files)
      this.#logger.info(
        { certificate: files.certificate, names: (content as Certificate).names, until },
        'certificate replaced: new connections get it',
      );
    else if (content.chain === before.chain)
      this.#logger.info({ crl: files.crl }, 'revocation lists of client certificates replaced: they hold for open connections, too');
    else this.#logger.info({ ca: files.ca, until }, 'authorities of client certificates replaced: they hold for new connections');
  }

  async #stamp(files: Files): Promise<string> {
    const stamps = namedIn(files).map((file) => stat(resolve(this.#folder, file)).then(stampOf, codeOf));
    return (await Promise.all(stamps)).join(' ');
  }
}

function namedIn(files: Files): string[] {
  return Object.values(files).flat();
}

/** A text that differs once a file has changed. */
function stampOf({ ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
}

function stampNow(file: string): string {
  try {
    return stampOf(statSync(file));
  } catch (error) {
    return codeOf(error);
  }
}

function codeOf(error: unknown): string {
  return `${(error as NodeJS.ErrnoException).code}`;
}

/** Consequence of a fault, for the log. */
function consequence(files: Files, part: string, isOutdated: boolean, inUse: boolean): string {
  if (isOutdated && part === 'crl') return '; it is used all the same: what it revokes is refused, what was revoked since is not';
  if (inUse) return `; ${part === 'crl' ? 'what' : 'the certificate that'} was read before stays in use`;
  if (!isOutdated) return '';
  const loss = 'ca' in files ? 'certificates of clients that it has issued are refused' : 'clients refuse it';
  return `; it is served all the same, because there is no other: ${loss}`;
}

/** True if a revocation list has become out of date since it was read. */
function isDue({ content }: Entry, now: number): boolean {
  return content !== undefined && 'lists' in content && content.lists.some(({ nextUpdate = now + 1 }) => nextUpdate <= now);
}

function stateIn({ files, content, fault, faultyList }: Entry): CertificateState {
  return {
    file: fileOf(files),
    names: content !== undefined && 'names' in content ? content.names : [],
    ...(content !== undefined && { notAfter: content.notAfter }),
    ...(fault !== undefined && faultyList === undefined && { fault }),
    ...('crl' in files &&
      files.crl.length > 0 && {
        lists: files.crl.map((file) => {
          const lists = content !== undefined && 'lists' in content ? content.lists.filter((list) => list.file === file) : [];
          const due = lists.flatMap(({ nextUpdate = [] }) => nextUpdate);
          return {
            file,
            revoked: lists.reduce((sum, { revoked }) => sum + revoked, 0),
            ...(due.length > 0 && { nextUpdate: Math.min(...due) }),
            ...(file === faultyList && fault !== undefined && { fault }),
          };
        }),
      }),
  };
}

function isSame(one: Certificate | ClientAuthority, other: Certificate | ClientAuthority): boolean {
  return one.chain === other.chain && partsOf(one) === partsOf(other);
}

/** The part of a content beside its certificates, to tell contents apart. */
function partsOf(content: Certificate | ClientAuthority): string {
  return 'key' in content ? content.key : content.lists.map(({ digest }) => digest).join();
}
