import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SluiceError } from '../model/fault.ts';

/** Variable that names the file if the option is not given. */
const variable = 'SLUICE_CA';

/** Reads the authorities that a balancer's certificate is checked against, in PEM; undefined: none are given, those that Node.js knows hold. */
export function readAuthorities(given: string | undefined, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const file = given ?? (env[variable] || undefined);
  if (file === undefined) return undefined;
  const origin = given === undefined ? variable : '--ca';
  try {
    const text = readFileSync(file, 'utf8');
    new X509Certificate(text);
    return text;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    const reason = /^E[A-Z]+$/.test(code) ? `cannot be read (${code})` : 'holds no certificate in PEM form';
    throw new SluiceError('invalid', `${origin}: ${file} ${reason}: give the file with the certificate of the authority`);
  }
}
