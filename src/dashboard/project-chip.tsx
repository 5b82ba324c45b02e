import type { DeploymentsAnswer } from '../control/answers.ts';

type Deployment = DeploymentsAnswer['deployments'][number];

/** Servers that run it, of those that say what they run. */
export function progressOf({ servers }: Deployment): { active: number; rejected: number; of: number; errors: string[] } {
  const reporting = servers.filter(({ state }) => state !== 'unreported' && state !== 'lost');
  const rejected = reporting.filter(({ state }) => state === 'rejected');
  return {
    active: reporting.filter(({ state }) => state === 'active').length,
    rejected: rejected.length,
    of: reporting.length,
    errors: rejected.map(({ id, error }) => `${id}: ${error ?? 'rejected'}`),
  };
}

/** A deployed project: its revision, and on how many servers it runs. */
export function ProjectChip({ deployment }: { deployment: Deployment }) {
  const { active, rejected, of, errors } = progressOf(deployment);
  const tone = rejected > 0 ? 'bad' : active < of ? 'busy' : 'good';
  return (
    <li class={`chip tone-${tone}`} title={errors.join('\n') || deployment.basePath}>
      <span class="dot" aria-hidden="true" />
      <b>{deployment.project}</b>
      <span class="muted">revision {deployment.revision}</span>
      <span class="muted">
        {active}/{of} {rejected > 0 ? `· ${rejected} rejected` : 'servers'}
      </span>
    </li>
  );
}
