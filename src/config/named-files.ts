import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import * as yaml from 'yaml';
import { SluiceError } from '../model/fault.ts';
import { refusal } from './refusal.ts';
import { maxSourceBytes } from './source.ts';

/** Keys of TLS settings whose value may be the name of a PEM file. */
const pemKeys = ['ca', 'certificate', 'key'];

/**
 * Returns a YAML or JSON text in which the contents of PEM files stand in place of their names: `ca`, `certificate` and `key` of each
 * `tls` of a target or static server, and `ca` of `acme`. Lines keep their numbers. A text that is malformed is returned as it is, for the parser to report.
 *
 * Throws a `SluiceError` (`invalid`) with a fault for each file that cannot be read.
 * @param file from whose folder names are looked up; `-`: the current folder
 */
export function withNamedFiles(content: Uint8Array<ArrayBuffer>, file: string): Uint8Array<ArrayBuffer> {
  if (content.length > maxSourceBytes || !Buffer.from(content).includes('tls')) return content;
  const text = Buffer.from(content).toString('utf8');
  const document = yaml.parseDocument(text, { prettyErrors: false, uniqueKeys: false });
  if (document.errors.length > 0) return content;
  const names: { start: number; end: number; path: string; name: string }[] = [];
  yaml.visit(document, {
    Pair(_, pair, ancestors) {
      const { key, value } = pair as yaml.Pair<unknown, unknown>;
      if (!yaml.isScalar(key) || !yaml.isScalar(value) || !pemKeys.includes(String(key.value))) return;
      const path = [...ancestors.filter(yaml.isPair).map(({ key: outer }) => String(outer)), String(key.value)];
      const [start, end] = value.range ?? [0, 0];
      if (isPlace(path) && typeof value.value === 'string' && isName(value.value))
        names.push({ start, end, path: path.join('.'), name: value.value });
    },
  });
  const folder = file === '-' ? '.' : dirname(file);
  const faults: { path: string; line: number; message: string }[] = [];
  let made = text;
  for (const { start, end, path, name } of names.sort((one, other) => other.start - one.start)) {
    try {
      made = made.slice(0, start) + JSON.stringify(readFileSync(resolve(folder, name), 'utf8')) + made.slice(end);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const message = `cannot read the file ${JSON.stringify(name)}: ${code === 'ENOENT' ? `there is no such file in ${folder}` : code}`;
      faults.unshift({ path, line: text.slice(0, start).split('\n').length, message });
    }
  }
  if (faults.length > 0) throw refusal('invalid', faults, file);
  if (made.length > maxSourceBytes)
    throw new SluiceError('too-large', `${file} has ${made.length} bytes with its PEM files; at most ${maxSourceBytes} are read`);
  return Buffer.from(made);
}

/** True for settings of TLS that Sluice uses for connections to targets, static servers and authorities. */
function isPlace(path: readonly string[]): boolean {
  const [outer = '', inner] = path.slice(-3, -1);
  if (inner === 'acme') return outer === 'tls' && path.at(-1) === 'ca';
  return inner === 'tls' && (outer === 'servers' || path.at(-4) === 'targets');
}

/** True for a value that is neither PEM, nor refers to a variable, nor stands for a hidden key. */
function isName(value: string): boolean {
  return value.trim() !== '' && value.length < 4096 && !/[\n\0]|\$\{|^hidden private key|-----BEGIN/.test(value);
}
