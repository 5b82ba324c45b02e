import { useSignal } from '@preact/signals';
import { ServerProgress } from '../servers/server-progress.tsx';
import { call, pathOf } from '../state/api.ts';
import { Confirm } from '../widgets/dialog.tsx';
import { attempt } from '../widgets/notices.tsx';
import type { Deployment } from './progress.ts';

interface DeploymentRowProps {
  readonly environment: string;
  readonly deployment: Deployment;
  /** Newest revision of the project. */
  readonly latest: number;
}

/** A project in one environment: its revision, how far each server is, and the ways back and on. */
export function DeploymentRow({ environment, deployment, latest }: DeploymentRowProps) {
  const { project, revision, basePath } = deployment;
  const asked = useSignal<'roll back' | 'undeploy' | undefined>(undefined);
  const close = () => {
    asked.value = undefined;
  };
  const path = pathOf('v1', 'environments', environment, 'deployments', project);
  const deployLatest = () =>
    void attempt(() => call('PUT', path, { body: { revision: latest } }), `${project} revision ${latest} goes to ${environment}`);
  return (
    <li class="deployment">
      <div class="deployment-head">
        <strong>{environment}</strong>
        <span class="badge">revision {revision}</span>
        {revision < latest && <span class="muted small">newest is {latest}</span>}
        <span class="row-actions">
          {revision < latest && (
            <button type="button" class="button quiet" aria-label={`Deploy ${latest} to ${environment}`} onClick={deployLatest}>
              Deploy {latest}
            </button>
          )}
          <button
            type="button"
            class="button quiet"
            aria-label={`Roll back ${project} in ${environment}`}
            onClick={() => {
              asked.value = 'roll back';
            }}
          >
            Roll back
          </button>
          <button
            type="button"
            class="button quiet danger-text"
            aria-label={`Undeploy ${project} from ${environment}`}
            onClick={() => {
              asked.value = 'undeploy';
            }}
          >
            Undeploy
          </button>
        </span>
      </div>
      <ServerProgress environment={environment} deployment={deployment} />
      {asked.value === 'roll back' && (
        <Confirm
          title={`Roll back ${project} in ${environment}?`}
          text={`It goes from revision ${revision} to the one that was deployed there before. Requests in flight finish on revision ${revision}.`}
          action="Roll back"
          close={close}
          confirm={() =>
            void attempt(() => call('POST', `${path}/rollback`), `${project} in ${environment} goes back to the revision before`)
          }
        />
      )}
      {asked.value === 'undeploy' && (
        <Confirm
          title={`Undeploy ${project} from ${environment}?`}
          text={`Its clients get 404 under ${basePath} from then on. Requests in flight finish.`}
          action="Undeploy"
          close={close}
          confirm={() => void attempt(() => call('DELETE', path), `${project} leaves ${environment}`)}
        />
      )}
    </li>
  );
}
