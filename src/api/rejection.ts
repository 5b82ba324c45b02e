import type { ServerAnswer } from './answers.ts';

/** Why a server rejected a revision, and which `revision` answers in its place, if any. */
export function rejectionText({ revision, error }: { readonly revision: number; readonly error?: string | undefined }): string {
  return `${error ?? 'it says no reason'}${revision > 0 ? ` (revision ${revision} goes on)` : ''}`;
}

/** Every project that a server rejected, with why. */
export function rejectionsOf({ projects }: Pick<ServerAnswer, 'projects'>): string[] {
  return projects.filter(({ state }) => state === 'rejected').map((project) => `${project.name}: ${rejectionText(project)}`);
}
