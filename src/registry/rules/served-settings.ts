import type { ServedSettings } from '../../model/snapshot.ts';
import type { EnvironmentDocument } from '../documents.ts';

/** Settings of an environment that its servers need. The default of `underscores` is left out. */
export function served({ spec, decidesTls }: Pick<EnvironmentDocument, 'spec' | 'decidesTls'>): ServedSettings {
  const { variables, underscores, serverTls } = spec;
  return { variables, ...(underscores !== 'drop' && { underscores }), ...(decidesTls && { serverTls }) };
}
