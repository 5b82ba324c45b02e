import { isDeepStrictEqual } from 'node:util';
import { type EnvironmentSpec, environmentSpec } from './environment.ts';

/** Where a setting comes from: the configuration file (or its environment variables), or an operator's change through the admin API. */
export type SettingOrigin = 'file' | 'api';

/**
 * Returns the origin of each setting by its dotted path; settings that have their default are left out.
 *
 * @param applied the settings as last applied from the configuration file, if any were
 */
export function settingsOrigins(spec: EnvironmentSpec, applied: object | undefined): Record<string, SettingOrigin> {
  const last = known.get(spec);
  if (last !== undefined && last.applied === applied) return last.origins;
  const origins = originsOf(spec, applied);
  known.set(spec, { applied, origins });
  return origins;
}

/** Origins that were last found for settings: thousands of static servers take milliseconds to compare. */
const known = new WeakMap<EnvironmentSpec, { readonly applied: unknown; readonly origins: Record<string, SettingOrigin> }>();

function originsOf(spec: EnvironmentSpec, applied: object | undefined): Record<string, SettingOrigin> {
  const { written, file } = leavesOf(applied ?? {});
  const origins = leaves(spec).flatMap(([path, value]): [string, SettingOrigin][] => {
    if (!isDeepStrictEqual(file.get(path), value)) return [[path, 'api']];
    return written.has(path) ? [[path, 'file']] : [];
  });
  return Object.fromEntries(origins);
}

interface Leaves {
  readonly written: ReadonlyMap<string, unknown>;
  /** With defaults, also of the parts that only a file adds, such as `tls`. */
  readonly file: ReadonlyMap<string, unknown>;
}

const appliedLeaves = new WeakMap<object, Leaves>();

/** The values under settings that were applied, as written and as they are understood. */
function leavesOf(applied: object): Leaves {
  const found = appliedLeaves.get(applied) ?? {
    written: new Map(leaves(applied)),
    file: new Map(leaves(environmentSpec.safeParse(applied).data ?? environmentSpec.parse({}))),
  };
  appliedLeaves.set(applied, found);
  return found;
}

/** Returns the values under a map by their dotted paths; a list is one value. */
function leaves(value: unknown, path = ''): [path: string, value: unknown][] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return [[path, value]];
  return Object.entries(value).flatMap(([key, part]) => leaves(part, path === '' ? key : `${path}.${key}`));
}
