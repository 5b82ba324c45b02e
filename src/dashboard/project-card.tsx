import { useSignal } from '@preact/signals';
import type { ProjectSummaryAnswer } from '../control/answers.ts';
import { DeployDialog } from './deploy-dialog.tsx';
import { DeploymentRow } from './deployment-row.tsx';
import { dateTime } from './format.ts';
import { RevisionDiff } from './revision-diff.tsx';
import { deployments } from './store.ts';

/** Where a project is deployed, and by environment which revision. */
export function deployedWhere(project: string) {
  return Object.values(deployments.value).flatMap(({ environment, deployments: all }) =>
    all.filter((one) => one.project === project).map((deployment) => ({ environment, deployment })),
  );
}

type Asked = { readonly what: 'deploy' | 'diff'; readonly revision: number };

/** One project: deployments, revisions, and what can be done with them. */
export function ProjectCard({ project }: { project: ProjectSummaryAnswer }) {
  const { name, latest } = project;
  const asked = useSignal<Asked | undefined>(undefined);
  const ask = (what: Asked['what'], revision: number) => {
    asked.value = { what, revision };
  };
  const close = () => {
    asked.value = undefined;
  };
  const places = deployedWhere(name);
  return (
    <section class="card project" aria-label={`Project ${name}`} data-project={name}>
      <div class="card-head">
        <div>
          <h2>{name}</h2>
          <p class="muted small">
            {places[0] ? `${places[0].deployment.basePath} · ` : ''}latest revision {latest}
          </p>
        </div>
        <button type="button" class="button primary" onClick={() => ask('deploy', latest)}>
          Deploy…
        </button>
      </div>
      <div class="card-part">
        <h3>Deployments</h3>
        {places.length === 0 ? (
          <p class="muted empty-part">Deployed nowhere.</p>
        ) : (
          <ul class="deployments">
            {places.map(({ environment, deployment }) => (
              <DeploymentRow key={environment} environment={environment} deployment={deployment} latest={latest} />
            ))}
          </ul>
        )}
      </div>
      <Revisions project={project} ask={ask} />
      {asked.value?.what === 'deploy' && <DeployDialog project={project} revision={asked.value.revision} close={close} />}
      {asked.value?.what === 'diff' && <RevisionDiff project={project} revision={asked.value.revision} close={close} />}
    </section>
  );
}

function Revisions({ project, ask }: { project: ProjectSummaryAnswer; ask: (what: Asked['what'], revision: number) => void }) {
  const newest = [...project.revisions].sort((one, other) => other.revision - one.revision);
  const places = deployedWhere(project.name);
  return (
    <details class="card-part revisions" open={newest.length <= 6}>
      <summary>
        <h3>
          Revisions <span class="count">{newest.length}</span>
        </h3>
      </summary>
      <table>
        <thead>
          <tr>
            <th scope="col">Revision</th>
            <th scope="col">Label</th>
            <th scope="col">Pushed</th>
            <th scope="col">Runs in</th>
            <th scope="col">
              <span class="unseen">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {newest.map(({ revision, version, createdAt, hash }) => (
            <tr key={revision}>
              <td>
                <b>{revision}</b> <code class="muted small">{hash.slice(0, 7)}</code>
              </td>
              <td>{version || <span class="muted">–</span>}</td>
              <td>
                <time dateTime={new Date(createdAt).toISOString()}>{dateTime(createdAt)}</time>
              </td>
              <td>
                {places
                  .filter(({ deployment }) => deployment.revision === revision)
                  .map(({ environment }) => environment)
                  .join(', ') || <span class="muted">–</span>}
              </td>
              <td class="row-actions">
                {newest.length > 1 && (
                  <button
                    type="button"
                    class="button quiet"
                    aria-label={`Compare revision ${revision}`}
                    onClick={() => ask('diff', revision)}
                  >
                    Compare
                  </button>
                )}
                <button
                  type="button"
                  class="button quiet"
                  aria-label={`Deploy revision ${revision}`}
                  onClick={() => ask('deploy', revision)}
                >
                  Deploy…
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
