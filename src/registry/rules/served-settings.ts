import type { EnvironmentSpec } from '../../model/environment.ts';
import type { ServedSettings } from '../../model/snapshot.ts';

/** Settings of an environment that its servers need. The default of `underscores` is left out. */
export function served({ variables, underscores }: EnvironmentSpec): ServedSettings {
  return { variables, ...(underscores !== 'drop' && { underscores }) };
}
