import { isDeepStrictEqual } from 'node:util';
import { type EnvironmentSpec, environmentSpec } from './environment.ts';

/** Where a setting comes from: the configuration file (or its environment variables), or an operator's change through the admin API. */
export type SettingOrigin = 'file' | 'api';

/**
 * Returns the origin of each setting by its dotted path; settings that have their default are left out.
 *
 * @param applied the settings as last applied from the configuration file, if any were
 */
export function settingsOrigins(spec: EnvironmentSpec, applied: unknown): Record<string, SettingOrigin> {
  const last = known.get(spec);
  if (last !== undefined && last.applied === applied) return last.origins;
  const origins = originsOf(spec, applied);
  known.set(spec, { applied, origins });
  return origins;
}

/** What was last found for settings: thousands of static servers take milliseconds to compare. */
const known = new WeakMap<EnvironmentSpec, { readonly applied: unknown; readonly origins: Record<string, SettingOrigin> }>();

function originsOf(spec: EnvironmentSpec, applied: unknown): Record<string, SettingOrigin> {
  const written = new Map(leaves(applied ?? {}));
  const file = new Map(leaves(environmentSpec.safeParse(applied ?? {}).data ?? {}));
  const defaults = new Map(leaves(environmentSpec.parse({})));
  const origins = leaves(spec).flatMap(([path, value]): [string, SettingOrigin][] => {
    if (written.has(path)) return [[path, isDeepStrictEqual(file.get(path), value) ? 'file' : 'api']];
    return isDeepStrictEqual(defaults.get(path), value) ? [] : [[path, 'api']];
  });
  return Object.fromEntries(origins);
}

/** Returns the values under a map by their dotted paths; a list is one value. */
function leaves(value: unknown, path = ''): [path: string, value: unknown][] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return [[path, value]];
  return Object.entries(value).flatMap(([key, part]) => leaves(part, path === '' ? key : `${path}.${key}`));
}
