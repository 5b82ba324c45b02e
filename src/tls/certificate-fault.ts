import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** A file that was read, and the setting that names it. */
export interface NamedText<Part extends string = string> {
  readonly part: Part;
  readonly file: string;
  readonly content: string;
}

/** A certificate or key that cannot be used. The message names the file and the remedy. */
export class CertificateFault extends Error {
  /** Setting that names the file at fault. */
  readonly part: string;
  /** The file at fault, with its folder. */
  readonly file: string;
  /** The content of the files, if only its dates are at fault: it can be used. */
  readonly outdated: unknown;

  constructor({ part, file }: Omit<NamedText, 'content'>, message: string, outdated?: unknown) {
    super(message);
    this.part = part;
    this.file = file;
    this.outdated = outdated;
  }
}

/** Reads the file that the setting `part` names. @param folder that relative paths start from */
export function readText<Part extends string>(folder: string, names: Readonly<Record<Part, string>>, part: Part): NamedText<Part> {
  const file = resolve(folder, names[part]);
  try {
    return { part, file, content: readFileSync(file, 'latin1') };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ENOENT'
        ? 'there is no such file: paths start from the folder of the configuration file'
        : code === 'EACCES'
          ? 'the user that runs Sluice may not read it (EACCES): change its owner or mode'
          : `${code}`;
    throw new CertificateFault({ part, file }, `cannot read ${file}: ${reason}`);
  }
}

/** The fault of a file, of which `message` tells without a subject. */
export function faultIn(text: NamedText, message: string, outdated?: unknown): CertificateFault {
  return new CertificateFault(text, `${text.file} ${message}`, outdated);
}

/** The content of a file; a string is the fault of the file. */
export function demand<Content extends object>(text: NamedText, read: Content | string): Content {
  if (typeof read === 'string') throw faultIn(text, read);
  return read;
}
