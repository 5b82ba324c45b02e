import type { ServerAnswer } from './answers.ts';

/** Says why a server rejected a revision, and which `revision` it still serves, if any. */
export function rejectionText({ revision, error }: { readonly revision: number; readonly error?: string | undefined }): string {
  return `${error ?? 'the server gave no reason'}${revision > 0 ? ` (revision ${revision} is still served)` : ''}`;
}

/** Says in one line what a server rejected, and whether it gets no requests because of that. */
export function describeRejections(server: Pick<ServerAnswer, 'projects' | 'state'>): string {
  const rejections = rejectionsOf(server).join('; ');
  return server.state === 'joining' ? `${rejections}; it gets no requests, since other servers serve what it rejected` : rejections;
}

/** Lists every project that a server rejected, each with its reason. */
export function rejectionsOf({ projects }: Pick<ServerAnswer, 'projects'>): string[] {
  return projects.filter(({ state }) => state === 'rejected').map((project) => `${project.name}: ${rejectionText(project)}`);
}
