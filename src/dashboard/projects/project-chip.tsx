import { type DeploymentSummary, describeRejected, runningState, serverProgress } from './deployment-summary.ts';

/** A deployed project: its revision, and the number of servers on which it is active, out of those that report what they run. */
export function ProjectChip({ environment, deployment }: { environment: string; deployment: DeploymentSummary }) {
  const reporting = serverProgress(environment, deployment).filter(({ state }) => state !== 'unreported' && state !== 'lost');
  const rejected = reporting.filter(({ state }) => state === 'rejected');
  const active = reporting.filter(({ state }) => state === 'active').length;
  const tone = rejected.length > 0 ? 'bad' : active < reporting.length ? 'busy' : 'good';
  const instead = describeRejected(runningState(environment, deployment))?.instead;
  const errors = rejected.map(({ id, error }) => `${id}: ${error ?? 'rejected'}`);
  return (
    <li class={`chip tone-${tone}`} title={errors.join('\n') || deployment.basePath}>
      <span class="dot" aria-hidden="true" />
      <b>{deployment.project}</b>
      <span class="muted">revision {deployment.revision}</span>
      <span class="muted">
        {active}/{reporting.length} {rejected.length > 0 ? `· ${rejected.length} rejected · ${instead}` : 'servers'}
      </span>
    </li>
  );
}
