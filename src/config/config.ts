import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type * as z from 'zod';
import type { Environment } from '../model/environment.ts';
import type { Fault } from '../model/fault.ts';
import { SluiceError } from '../model/fault.ts';
import { isMap } from '../model/is-map.ts';
import { keyOf, tlsFiles } from '../tls/tls-files.ts';
import { certificateFaults, type DatesIgnored } from './certificate-faults.ts';
import { check, faultAt } from './check.ts';
import { configSchema } from './config-schema.ts';
import { listenerConflicts } from './listener-conflicts.ts';
import { withNamedFiles } from './named-files.ts';
import { refusal } from './refusal.ts';
import { serverIdConflicts } from './server-id-conflicts.ts';
import { readSource, type Source } from './source.ts';
import { tokenConflicts } from './token-conflicts.ts';
import { applyVariables } from './variables.ts';

type Settings = z.output<typeof configSchema>;

interface LoadOptions {
  readonly file?: string;
  readonly env: NodeJS.ProcessEnv;
  readonly datesIgnored?: DatesIgnored;
}

/** A balancer's configuration: complete, checked, frozen. Durations in milliseconds. */
export interface Config extends Readonly<Omit<Settings, 'registry' | 'environments'>> {
  readonly registry: { readonly url: string; readonly prefix: string };
  /** Folder of the configuration file, from which the paths of certificates start; without a file, the working directory. */
  readonly folder: string;
  /** In the order of the file; if it has none, one called `production`. */
  readonly environments: readonly Environment[];
}

/**
 * Reads `file` (undefined: all defaults) and overrides it with the variables of `env`.
 *
 * Throws a `SluiceError` with every fault: `not-found` if the file can't be read, else like `parseDocument`. The fault of a variable's
 * value names the variable, every other fault the line in the file.
 * @param options `datesIgnored`: true for files whose certificates may have expired, or be not valid yet; default: none may
 */
export function loadConfig(options: LoadOptions): Config {
  const { file, env } = options;
  if (file === undefined) return readConfig('', { env });
  const source = readSource(withNamedFiles(readText(file), file), file);
  if (source.value === null || source.value === undefined) throw refusal('malformed', [{ path: '', message: noContent }], file);
  return configOf(source, options, dirname(resolve(file)));
}

/** A file that was emptied by mistake, or whose writing has only begun, must not put the defaults in place of what runs. */
const noContent = 'has no settings: it is empty or has only comments. Write {} if all defaults are meant';

/** At a start nothing better is in use: certificates that have expired are served. */
export const anyDates: DatesIgnored = () => true;

/** Like {@link loadConfig}, for the text of a file, without a look at the certificates that it names. An empty text means all defaults. */
export function readConfig(text: string | Uint8Array, options: { file?: string; env: NodeJS.ProcessEnv }): Config {
  return configOf(readSource(text, options.file), options);
}

/** Like {@link loadConfig}, for settings that a program passes as an object. Environment variables are not read. */
export function configFrom(settings: object): Config {
  // A copy, since the configuration is frozen.
  return configOf({ value: structuredClone(settings), lineOf: () => undefined }, { env: {}, datesIgnored: anyDates }, process.cwd());
}

/** @param folder that the paths of certificates start from; undefined: certificates are not looked at */
function configOf(source: Source, options: LoadOptions, folder?: string): Config {
  const document = withProduction(source.value ?? {});
  const overlay = isMap(document)
    ? applyVariables(document, configSchema, options.env)
    : { value: document, origins: new Map<string, string>(), faults: [] };
  const result = check(overlay.value, configSchema, source.lineOf);
  const conflicts = result.faults
    ? []
    : [
        ...listenerConflicts(result.value.control.listen, result.value.environments),
        ...serverIdConflicts(result.value.environments),
        ...tokenConflicts(result.value.control.tokens, result.value.environments),
        ...(folder === undefined
          ? []
          : certificateFaults(result.value.control.tls, result.value.environments, folder, options.datesIgnored ?? (() => false))),
      ].map(({ path, message }) => faultAt(path, message, source.lineOf));
  const faults = [...overlay.faults, ...(result.faults ?? conflicts).map((fault) => nameVariable(fault, overlay.origins))];
  if (result.faults || faults.length > 0) throw refusal('invalid', faults, options.file);

  const { registry, environments, ...rest } = result.value;
  const inputs = (overlay.value as z.input<typeof configSchema>).environments ?? {};
  return freeze({
    ...rest,
    folder: folder ?? process.cwd(),
    registry: { url: registry.url ?? `embedded:${rest.dataDir}`, prefix: registry.prefix },
    environments: Object.entries(environments).map(([name, spec]) => ({ name, spec, input: inputs[name] ?? {} })),
  });
}

/** For a reload: true for files that `present` names too. They are in use, so that their dates do not stop a change of something else. */
export function datesInUse({ control, environments }: Config): DatesIgnored {
  const named = environments.flatMap(({ spec }) => tlsFiles(spec.tls).map(({ files }) => files));
  const keys = new Set([...named, ...(control.tls === undefined ? [] : [control.tls])].map(keyOf));
  return (files) => keys.has(keyOf(files));
}

/** Faults of a configuration that was read without a look at the dates of its certificates. */
export function dateFaults({ control, environments, folder }: Config): Fault[] {
  const specs = Object.fromEntries(environments.map(({ name, spec }) => [name, spec]));
  return certificateFaults(control.tls, specs, folder, () => false).map(({ path, message }) => ({ path: path.join('.'), message }));
}

function readText(file: string): Uint8Array<ArrayBuffer> {
  try {
    return readFileSync(file);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new SluiceError('not-found', `cannot read ${file}: ${code === 'ENOENT' ? 'there is no such file' : code}`, { cause });
  }
}

/** Adds the environment `production` if there is none. Done before the variables are applied, so that `SLUICE_ENVIRONMENTS_PRODUCTION_LISTEN` works without a file. */
function withProduction(document: unknown): unknown {
  return isMap(document) && document['environments'] === undefined ? { ...document, environments: { production: {} } } : document;
}

function nameVariable(fault: Fault, origins: ReadonlyMap<string, string>): Fault {
  const variable = origins.get(fault.path);
  return variable === undefined ? fault : { path: fault.path, message: `(from the variable ${variable}) ${fault.message}` };
}

function freeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) freeze(part);
  }
  return value;
}
