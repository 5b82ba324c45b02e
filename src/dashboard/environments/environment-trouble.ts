import type { EnvironmentAnswer } from '../../api/answers.ts';
import { certificateTroubles } from '../state/certificate-troubles.ts';
import { conditionOf } from '../state/state.ts';

/** The trouble of an environment. */
export interface EnvironmentTrouble {
  /** 3: clients get no answer; 2: something is down or rejected; 1: a warning; 0: all is well. */
  readonly trouble: number;
  /** The trouble in two or three words; empty if it is no more than a warning. */
  readonly text: string;
}

export function troubleOf({ name, status }: EnvironmentAnswer): EnvironmentTrouble {
  const { ready, bad, warn } = conditionOf(name);
  const unread = status.unread === undefined ? '' : 'not understood';
  const certificates = (status.certificates ?? []).flatMap(certificateTroubles).length > 0 ? 'certificate failing' : unread;
  const text = status.listening === null ? 'listener closed' : bad > 0 ? `${bad} failing` : certificates;
  const silent = status.listening === null || (bad > 0 && ready === 0);
  return { trouble: silent ? 3 : text !== '' ? 2 : warn > 0 ? 1 : 0, text };
}
