import { useSignal } from '@preact/signals';
import type { ProjectSummaryAnswer } from '../../api/answers.ts';
import { fewEnvironments } from '../environments/choose-environment.tsx';
import { ServerProgress } from '../servers/server-progress.tsx';
import { call, describeRefusal, pathOf, Refusal } from '../state/api.ts';
import { deployments, environments } from '../state/state.ts';
import { Dialog } from '../widgets/dialog.tsx';
import { FormDialog } from '../widgets/form-dialog.tsx';
import { fits, SearchBox } from '../widgets/search-box.tsx';

interface DeployDialogProps {
  readonly project: ProjectSummaryAnswer;
  /** Chosen at first. */
  readonly revision: number;
  readonly close: () => void;
}

/** What came of it: where it goes, and what was refused. */
interface Outcome {
  readonly places: readonly string[];
  readonly refused: readonly string[];
}

/** Deploys a revision to a list of environments, then shows how far their servers are. */
export function DeployDialog({ project, revision, close }: DeployDialogProps) {
  const outcome = useSignal<Outcome | undefined>(undefined);
  const wanted = useSignal('');
  const submit = async (form: FormData) => {
    const chosen = form.getAll('environment').map(String);
    if (chosen.length === 0) throw new Error('Choose at least one environment.');
    const body = { revision: Number(form.get('revision')) };
    const places: string[] = [];
    const refused: string[] = [];
    for (const name of chosen) {
      try {
        await call('PUT', pathOf('v1', 'environments', name, 'deployments', project.name), { body });
        places.push(name);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        refused.push(`${name}: ${describeRefusal(error).join('; ')}`);
      }
    }
    if (places.length === 0) throw new Error(refused.join('\n'));
    outcome.value = { places, refused };
  };
  if (outcome.value) return <Going project={project.name} outcome={outcome.value} close={close} />;
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
      {names.length > fewEnvironments && <SearchBox label="Filter environments" wanted={wanted} />}
      <fieldset class="choices">
        <legend>Environments</legend>
        {names.length === 0 && <p class="muted">There is none yet: create one under Overview.</p>}
        {names.map((name) => (
          // Those that do not fit are hidden, not gone: what was ticked stays ticked.
          <label key={name} class="check" hidden={!fits(wanted.value, name)}>
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
  return present ? `runs revision ${present.revision}` : 'not deployed';
}

function Going({ project, outcome: { places, refused }, close }: { project: string; outcome: Outcome; close: () => void }) {
  return (
    <Dialog title={`${project} is on its way`} close={close}>
      {refused.length > 0 && (
        <ul class="problem" role="alert">
          {refused.map((one) => (
            <li key={one}>{one}</li>
          ))}
        </ul>
      )}
      {places.map((environment) => {
        const deployment = deployments.value[environment]?.deployments.find((one) => one.project === project);
        return (
          <div key={environment} class="deployment">
            <div class="deployment-head">
              <strong>{environment}</strong>
              {deployment && <span class="badge">revision {deployment.revision}</span>}
            </div>
            {deployment && <ServerProgress environment={environment} deployment={deployment} />}
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
