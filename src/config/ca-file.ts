import { readFileSync } from 'node:fs';
import { readCertificates } from '../model/certificate.ts';
import { SluiceError } from '../model/fault.ts';

/** Variable that names the file if the option is not given. */
const variable = 'SLUICE_CA';

/** Reads the authorities that a balancer's certificate is checked against, in PEM; undefined: none are given, those that Node.js knows hold. */
export function readAuthorities(given: string | undefined, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const file = given ?? (env[variable] || undefined);
  if (file === undefined) return undefined;
  const origin = given === undefined ? variable : '--ca';
  const refused = (reason: string) => new SluiceError('invalid', `${origin}: ${file} ${reason}`);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw refused(`cannot be read (${code}): give the file with the certificate of the authority`);
  }
  const read = readCertificates(text);
  if (typeof read === 'string') throw refused(read);
  return text;
}
