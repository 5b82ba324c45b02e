import { isDeepStrictEqual } from 'node:util';
import { type EnvironmentSpec, type EnvironmentSpecInput, environmentInPieces, environmentSpec } from './environment.ts';
import { atOnce, type Pieces } from './pieces.ts';

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
  return atOnce(settingsOriginsInPieces(settings, applied));
}

/** Like {@link settingsOrigins}: each static server is some pieces. */
export function* settingsOriginsInPieces(settings: WrittenSettings, applied: object | undefined): Pieces<Record<string, SettingOrigin>> {
  const last = known.get(settings.spec);
  if (last !== undefined && last.applied === applied) return last.origins;
  const origins = yield* originsOf(settings, applied);
  known.set(settings.spec, { applied, origins });
  return origins;
}

/** Origins that were last found for settings: thousands of static servers take milliseconds to compare. */
const known = new WeakMap<EnvironmentSpec, { readonly applied: unknown; readonly origins: Record<string, SettingOrigin> }>();

function* originsOf({ input, spec }: WrittenSettings, applied: object | undefined): Pieces<Record<string, SettingOrigin>> {
  const { written, file } = yield* leavesOf(applied ?? {});
  const origins: [string, SettingOrigin][] = [];
  for (const [path, value] of leaves(spec)) {
    yield;
    if (written.has(path)) origins.push([path, (yield* areSame(file.get(path), value)) ? 'file' : 'api']);
    // `file` has the defaults of the sections that the file opens, `defaults` those of sections that every environment has.
    else if (file.has(path) && (yield* areSame(file.get(path), value))) continue;
    else if (defaults.has(path) && (yield* areSame(defaults.get(path), value))) continue;
    else if (!isDefaultInSection(input, path, value)) origins.push([path, 'api']);
  }
  return Object.fromEntries(origins);
}

/** True if two values are equal: of two lists, each element is one piece. */
function* areSame(one: unknown, other: unknown): Pieces<boolean> {
  if (!Array.isArray(one) || !Array.isArray(other)) return isDeepStrictEqual(one, other);
  if (one.length !== other.length) return false;
  for (const [index, element] of one.entries()) {
    if (!isDeepStrictEqual(element, other[index])) return false;
    yield;
  }
  return true;
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
function* leavesOf(applied: object): Pieces<Leaves> {
  const found = appliedLeaves.get(applied) ?? {
    written: new Map(leaves(applied)),
    file: new Map(leaves((yield* environmentInPieces(applied)).data ?? {})),
  };
  appliedLeaves.set(applied, found);
  return found;
}

/** Returns the values under a map by their dotted paths; a list is one value. */
function leaves(value: unknown, path = ''): [path: string, value: unknown][] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return [[path, value]];
  return Object.entries(value).flatMap(([key, part]) => leaves(part, path === '' ? key : `${path}.${key}`));
}
