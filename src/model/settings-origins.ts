import { isDeepStrictEqual } from 'node:util';
import { type EnvironmentSpec, type EnvironmentSpecInput, environmentSpec } from './environment.ts';

/** Where a setting comes from: the configuration file (or its environment variables), or an operator's change through the admin API. */
export type SettingOrigin = 'file' | 'api';

/** Settings as written, and with every default filled in. */
export interface WrittenSettings {
  readonly input: EnvironmentSpecInput;
  readonly spec: EnvironmentSpec;
}

/**
 * Returns the origin of each setting by its dotted path; settings that have their default are left out.
 *
 * @param applied the settings as last applied from the configuration file, if any were
 */
export function settingsOrigins(settings: WrittenSettings, applied: object | undefined): Record<string, SettingOrigin> {
  const last = known.get(settings.spec);
  if (last !== undefined && last.applied === applied) return last.origins;
  const origins = originsOf(settings, applied);
  known.set(settings.spec, { applied, origins });
  return origins;
}

/** Origins that were last found for settings: thousands of static servers take milliseconds to compare. */
const known = new WeakMap<EnvironmentSpec, { readonly applied: unknown; readonly origins: Record<string, SettingOrigin> }>();

function originsOf({ input, spec }: WrittenSettings, applied: object | undefined): Record<string, SettingOrigin> {
  const { written, file } = leavesOf(applied ?? {});
  const origins = leaves(spec).flatMap(([path, value]): [string, SettingOrigin][] => {
    if (written.has(path)) return [[path, isDeepStrictEqual(file.get(path), value) ? 'file' : 'api']];
    // `file` has the defaults of the sections that the file opens, `defaults` those of sections that every environment has.
    if ([file, defaults].some((known) => known.has(path) && isDeepStrictEqual(known.get(path), value))) return [];
    return isDefaultInSection(input, path, value) ? [] : [[path, 'api']];
  });
  return Object.fromEntries(origins);
}

/** True if the section of a setting, such as `tls`, has this value also when the setting is not written. */
function isDefaultInSection(input: EnvironmentSpecInput, path: string, value: unknown): boolean {
  const [section = '', ...inner] = path.split('.');
  if (inner.length === 0) return false;
  const written = without((input as Readonly<Record<string, unknown>>)[section], inner);
  const { data } = environmentSpec.safeParse({ [section]: written });
  return data !== undefined && isDeepStrictEqual(new Map(leaves(data)).get(path), value);
}

/** Returns a copy of a map without the value under a path of keys. */
function without(map: unknown, [key = '', ...inner]: readonly string[]): unknown {
  if (map === null || typeof map !== 'object') return map;
  const { [key]: value, ...rest } = map as Readonly<Record<string, unknown>>;
  return inner.length === 0 || value === undefined ? rest : { ...rest, [key]: without(value, inner) };
}

const defaults = new Map(leaves(environmentSpec.parse({})));

interface Leaves {
  readonly written: ReadonlyMap<string, unknown>;
  /** With defaults. */
  readonly file: ReadonlyMap<string, unknown>;
}

const appliedLeaves = new WeakMap<object, Leaves>();

/** The values under settings that were applied, as written and as they are understood. */
function leavesOf(applied: object): Leaves {
  const found = appliedLeaves.get(applied) ?? {
    written: new Map(leaves(applied)),
    file: new Map(leaves(environmentSpec.safeParse(applied).data ?? {})),
  };
  appliedLeaves.set(applied, found);
  return found;
}

/** Returns the values under a map by their dotted paths; a list is one value. */
function leaves(value: unknown, path = ''): [path: string, value: unknown][] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return [[path, value]];
  return Object.entries(value).flatMap(([key, part]) => leaves(part, path === '' ? key : `${path}.${key}`));
}
