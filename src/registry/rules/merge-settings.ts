import { isDeepStrictEqual } from 'node:util';
import { environmentSpec } from '../../model/environment.ts';
import { isMap } from '../../model/is-map.ts';

type Settings = Readonly<Record<string, unknown>>;

/** One state of an environment's settings as written, or of a part of them. */
interface States<T> {
  /** Settings as last applied from the configuration file. */
  readonly applied: T;
  /** In the configuration file now. */
  readonly file: T;
  /** Settings as stored, with the changes that operators have made. */
  readonly stored: T;
}

/**
 * Returns the stored settings with what changed in the configuration file since it was last applied. A key that the file no longer has
 * is removed; everything else stays as operators have set it. Static servers are told apart by their id. A section that not every
 * environment has, such as `tls` or a static server, is removed whole: what operators set or sent back in it means nothing without the rest.
 */
export function mergeSettings({ applied, file, stored }: States<Settings>): Settings {
  const merged = mergePart({ applied: keyed(applied), file: keyed(file), stored: keyed(stored) }, alwaysThere);
  return listed((merged ?? {}) as Settings);
}

/** @param always the part in the settings that every environment has; undefined: not every environment has it */
function mergePart({ applied, file, stored }: States<unknown>, always: unknown): unknown {
  if (isDeepStrictEqual(applied, file)) return stored;
  if (file === undefined && always === undefined) return undefined;
  const [before = {}, now = {}] = [applied, file];
  const fits = stored === undefined || isMap(stored);
  if (!isMap(before) || !isMap(now) || !fits || (applied === undefined && file === undefined)) return file;
  const present: Settings = stored ?? {};
  const defaults = isMap(always) ? always : {};
  const keys = new Set([...Object.keys(now), ...Object.keys(present), ...Object.keys(before)]);
  const entries = [...keys].map(
    (key) => [key, mergePart({ applied: own(before, key), file: own(now, key), stored: own(present, key) }, own(defaults, key))] as const,
  );
  const left = entries.filter(([, value]) => value !== undefined);
  return left.length === 0 && file === undefined ? undefined : Object.fromEntries(left);
}

function own(map: Settings, key: string): unknown {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

/** Makes the list of static servers a map by id, so that each server is merged by itself. */
function keyed(settings: Settings): Settings {
  const { servers } = settings;
  if (!Array.isArray(servers)) return settings;
  return { ...settings, servers: Object.fromEntries(servers.map((server: { id: string }) => [server.id, server])) };
}

function listed(settings: Settings): Settings {
  return isMap(settings['servers']) ? { ...settings, servers: Object.values(settings['servers']) } : settings;
}

const alwaysThere = keyed(environmentSpec.parse({}));
