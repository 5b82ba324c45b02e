import { useSignal } from '@preact/signals';
import type { DeploymentsAnswer } from '../control/answers.ts';
import { call, pathOf } from './api.ts';
import { Confirm } from './dialog.tsx';
import { attempt } from './notices.tsx';
import { ServerProgress } from './server-progress.tsx';

interface DeploymentRowProps {
  readonly environment: string;
  readonly deployment: DeploymentsAnswer['deployments'][number];
  /** Newest revision of the project. */
  readonly latest: number;
}

/** A project in one environment: its revision, how far each server is, and the ways back and on. */
export function DeploymentRow({ environment, deployment, latest }: DeploymentRowProps) {
  const { project, revision } = deployment;
  const leaving = useSignal(false);
  const path = pathOf('v1', 'environments', environment, 'deployments', project);
  return (
    <li class="deployment">
      <div class="deployment-head">
        <strong>{environment}</strong>
        <span class="badge">revision {revision}</span>
        {revision < latest && <span class="muted small">newest is {latest}</span>}
        <span class="row-actions">
          {revision < latest && (
            <button
              type="button"
              class="button quiet"
              onClick={() =>
                void attempt(
                  () => call('PUT', path, { body: { revision: latest } }),
                  `${project} revision ${latest} goes to ${environment}`,
                )
              }
            >
              Deploy {latest}
            </button>
          )}
          <button
            type="button"
            class="button quiet"
            onClick={() =>
              void attempt(() => call('POST', `${path}/rollback`), `${project} in ${environment} goes back to the revision before`)
            }
          >
            Roll back
          </button>
          <button
            type="button"
            class="button quiet danger-text"
            onClick={() => {
              leaving.value = true;
            }}
          >
            Undeploy
          </button>
        </span>
      </div>
      <ServerProgress deployment={deployment} />
      {leaving.value && (
        <Confirm
          title={`Undeploy ${project} from ${environment}?`}
          text={`Its clients get 404 under ${deployment.basePath} from then on. Requests in flight finish.`}
          action="Undeploy"
          close={() => {
            leaving.value = false;
          }}
          confirm={() => void attempt(() => call('DELETE', path), `${project} leaves ${environment}`)}
        />
      )}
    </li>
  );
}
