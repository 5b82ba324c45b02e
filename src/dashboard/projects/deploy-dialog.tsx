import { useSignal } from '@preact/signals';
import type { ProjectSummaryAnswer } from '../../api/answers.ts';

import { ApiError, describeApiError } from '../state/api.ts';
import { deployments, environments, fewEnvironments } from '../state/state.ts';
import { Dialog } from '../widgets/dialog.tsx';
import { FormDialog } from '../widgets/form-dialog.tsx';
import { matches, SearchBox } from '../widgets/search-box.tsx';
import { deploy } from './deployment-actions.ts';
import { DeploymentProgress } from './deployment-progress.tsx';
import { describeRejected, runningState } from './deployment-summary.ts';

interface DeployDialogProps {
  readonly project: ProjectSummaryAnswer;
  /** Selected initially. */
  readonly revision: number;
  readonly close: () => void;
}

/** The API's answers to a deployment. */
interface Outcome {
  /** Environments that accepted it. */
  readonly accepted: readonly string[];
  /** One message for each environment that refused it. */
  readonly refusals: readonly string[];
}

/** Deploys a revision to one or more environments, then shows the progress of their servers. */
export function DeployDialog({ project, revision, close }: DeployDialogProps) {
  const outcome = useSignal<Outcome | undefined>(undefined);
  const query = useSignal('');
  const submit = async (form: FormData) => {
    const chosen = form.getAll('environment').map(String);
    if (chosen.length === 0) throw new Error('Choose at least one environment.');
    const revision = Number(form.get('revision'));
    const accepted: string[] = [];
    const refusals: string[] = [];
    let stale = false;
    for (const name of chosen) {
      try {
        await deploy(name, project.name, revision);
        accepted.push(name);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.isStale) stale = true;
        refusals.push(`${name}: ${describeApiError(error).join('; ')}`);
      }
    }
    if (accepted.length === 0 && stale) throw new ApiError(412, { detail: refusals.join('; ') });
    if (accepted.length === 0) throw new Error(refusals.join('\n'));
    outcome.value = { accepted, refusals };
  };
  if (outcome.value) return <Deploying project={project.name} outcome={outcome.value} close={close} />;
  const names = environments.value.map(({ name }) => name);
  return (
    <FormDialog title={`Deploy ${project.name}`} action="Deploy" close={close} submit={submit}>
      <label class="field">
        <span>Revision</span>
        <select name="revision">
          {[...project.revisions]
            .sort((one, other) => other.revision - one.revision)
            .map((one) => (
              <option key={one.revision} value={String(one.revision)} selected={one.revision === revision}>
                {one.revision}
                {one.version && ` · ${one.version}`}
              </option>
            ))}
        </select>
      </label>
      {names.length > fewEnvironments && <SearchBox label="Filter environments" query={query} />}
      <fieldset class="choices">
        <legend>Environments</legend>
        {names.length === 0 && <p class="muted">There are no environments yet: create one under Overview.</p>}
        {names.map((name) => (
          // Hidden rather than left out if it does not match: a ticked box stays ticked.
          <label key={name} class="check" hidden={!matches(query.value, name)}>
            <input type="checkbox" name="environment" value={name} defaultChecked={names.length === 1} />
            <span>{name}</span> <span class="muted small">{presentIn(name, project.name)}</span>
          </label>
        ))}
      </fieldset>
    </FormDialog>
  );
}

function presentIn(environment: string, project: string): string {
  const present = deployments.value[environment]?.deployments.find((one) => one.project === project);
  if (present === undefined) return 'not deployed';
  const rejected = describeRejected(runningState(environment, present));
  return `revision ${present.revision}${rejected ? ` ${rejected.rejection}: ${rejected.instead}` : ''}`;
}

function Deploying({ project, outcome: { accepted, refusals }, close }: { project: string; outcome: Outcome; close: () => void }) {
  return (
    <Dialog title={`Deploying ${project}`} close={close}>
      {refusals.length > 0 && (
        <ul class="problem" role="alert">
          {refusals.map((one) => (
            <li key={one}>{one}</li>
          ))}
        </ul>
      )}
      {accepted.map((environment) => {
        const deployment = deployments.value[environment]?.deployments.find((one) => one.project === project);
        return (
          <div key={environment} class="deployment">
            <div class="deployment-head">
              <strong>{environment}</strong>
              {deployment && <span class="badge">revision {deployment.revision}</span>}
            </div>
            {deployment && <DeploymentProgress environment={environment} deployment={deployment} />}
          </div>
        );
      })}
      <div class="dialog-actions">
        <button type="button" class="button primary" onClick={close} autofocus>
          Done
        </button>
      </div>
    </Dialog>
  );
}
