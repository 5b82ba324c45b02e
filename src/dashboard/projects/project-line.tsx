import type { ProjectSummaryAnswer } from '../../api/answers.ts';
import { plural } from '../state/format.ts';
import { rejectionsByProject } from '../state/rejections.ts';
import { placementsByProject } from './project-card.tsx';

/** Number of environments that are named. */
const mostNamed = 2;

/** A project in one line; opening it shows its card. Only counts are worked out for it, so that a thousand lines cost little. */
export function ProjectLine({ project: { name, latest, revisions }, open }: { project: ProjectSummaryAnswer; open: () => void }) {
  const placements = placementsByProject.value.get(name) ?? [];
  const rejected = rejectionsByProject.value.get(name) ?? [];
  return (
    <section class="card folded" aria-label={`Project ${name}`} data-project={name}>
      <button type="button" class="summary project-summary" aria-expanded={false} onClick={open}>
        <span class="summary-name">
          <strong>{name}</strong>
          {placements[0] && <span class="muted small">{placements[0].deployment.basePath}</span>}
          {rejected.slice(0, mostNamed).map(({ environment, servers }) => (
            <span key={environment} class="badge tone-bad">
              rejected by {plural(servers.length, 'server')} in {environment}
            </span>
          ))}
          {rejected.length > mostNamed && <span class="badge tone-bad">and in {rejected.length - mostNamed} more</span>}
        </span>
        <span class="summary-figure">
          <span class="muted small">Newest</span> <b>{latest}</b>
        </span>
        <span class="summary-figure">
          <span class="muted small">Revisions</span> <b>{revisions.length}</b>
        </span>
        <span class="summary-figure">
          <span class="muted small">Deployments</span> <b>{placements.length}</b>
        </span>
      </button>
    </section>
  );
}
