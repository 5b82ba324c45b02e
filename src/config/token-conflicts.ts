import type { EnvironmentSpec } from '../model/environment.ts';
import type { Conflict } from './listener-conflicts.ts';
import { type TokenSetting, tokensOf } from './token.ts';

/** Tokens as configured under `control.tokens`. */
export interface TokenSettings {
  readonly admin?: TokenSetting | undefined;
  readonly join?: TokenSetting | undefined;
  readonly joinFor?: Readonly<Record<string, TokenSetting>> | undefined;
}

/** Finds join tokens for environments that the configuration does not have, and tokens that stand in two places: a token gives one thing. */
export function tokenConflicts(settings: TokenSettings, environments: Readonly<Record<string, EnvironmentSpec>>): Conflict[] {
  const known = Object.keys(environments);
  const conflicts: Conflict[] = Object.keys(settings.joinFor ?? {})
    .filter((name) => !Object.hasOwn(environments, name))
    .map((name) => ({
      path: ['control', 'tokens', 'joinFor', name],
      message: `there is no environment "${name}" in this configuration: add it under environments, or give the token for one of ${known.join(', ')}`,
    }));
  const places = new Map<string, { purpose: string; path: readonly string[] }>();
  for (const { purpose, token, path } of allTokens(settings)) {
    const earlier = places.get(token);
    if (earlier === undefined) places.set(token, { purpose, path });
    else if (earlier.purpose !== purpose) {
      const message = `is the same token as ${earlier.path.join('.')}: give each purpose a token of its own`;
      conflicts.push({ path, message });
    }
  }
  return conflicts;
}

function allTokens({ admin, join, joinFor = {} }: TokenSettings) {
  const settings: [purpose: string, setting: TokenSetting | undefined, path: string[]][] = [
    ['admin', admin, ['admin']],
    ['join', join, ['join']],
    ...Object.entries(joinFor).map(([name, setting]): [string, TokenSetting, string[]] => [`for ${name}`, setting, ['joinFor', name]]),
  ];
  return settings.flatMap(([purpose, setting, path]) =>
    setting === undefined ? [] : tokensOf(setting, ['control', 'tokens', ...path]).map((found) => ({ ...found, purpose })),
  );
}
