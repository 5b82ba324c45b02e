import { useSignal } from '@preact/signals';
import { Confirm } from '../widgets/dialog.tsx';
import { deployWithNotice, rollBack, undeploy } from './deployment-actions.ts';
import { DeploymentProgress } from './deployment-progress.tsx';
import { type DeploymentSummary, describeRejected, runningState } from './deployment-summary.ts';

interface DeploymentRowProps {
  readonly environment: string;
  readonly deployment: DeploymentSummary;
  /** The newest revision of the project. */
  readonly latest: number;
}

/** A project in one environment: its revision, the progress of each server, and buttons to deploy, roll back and undeploy. */
export function DeploymentRow({ environment, deployment, latest }: DeploymentRowProps) {
  const { project, revision, basePath } = deployment;
  const dialog = useSignal<'roll back' | 'undeploy' | undefined>(undefined);
  const close = () => {
    dialog.value = undefined;
  };
  const deployLatest = () => void deployWithNotice(environment, project, latest);
  const rejected = describeRejected(runningState(environment, deployment));
  return (
    <li class="deployment">
      <div class="deployment-head">
        <strong>{environment}</strong>
        <span class="badge">revision {revision}</span>
        {rejected && (
          <span class="small">
            <span class="badge tone-bad">{rejected.rejection}</span> {rejected.instead}
          </span>
        )}
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
              dialog.value = 'roll back';
            }}
          >
            Roll back
          </button>
          <button
            type="button"
            class="button quiet danger-text"
            aria-label={`Undeploy ${project} from ${environment}`}
            onClick={() => {
              dialog.value = 'undeploy';
            }}
          >
            Undeploy
          </button>
        </span>
      </div>
      <DeploymentProgress environment={environment} deployment={deployment} />
      {dialog.value === 'roll back' && (
        <Confirm
          title={`Roll back ${project} in ${environment}?`}
          text={`The revision deployed before revision ${revision} is deployed again. Requests in flight finish on revision ${revision}.`}
          action="Roll back"
          close={close}
          confirm={() => void rollBack(environment, project)}
        />
      )}
      {dialog.value === 'undeploy' && (
        <Confirm
          title={`Undeploy ${project} from ${environment}?`}
          text={`Clients will get 404 under ${basePath}. Requests in flight finish.`}
          action="Undeploy"
          close={close}
          confirm={() => void undeploy(environment, project)}
        />
      )}
    </li>
  );
}
