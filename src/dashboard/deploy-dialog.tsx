import { useSignal } from '@preact/signals';
import type { ProjectSummaryAnswer } from '../control/answers.ts';
import { call, pathOf } from './api.ts';
import { Dialog } from './dialog.tsx';
import { attempt } from './notices.tsx';
import { ServerProgress } from './server-progress.tsx';
import { deployments, environments } from './store.ts';

interface DeployDialogProps {
  readonly project: ProjectSummaryAnswer;
  /** Chosen at first. */
  readonly revision: number;
  readonly close: () => void;
}

/** Deploys a revision to a list of environments, then shows how far their servers are. */
export function DeployDialog({ project, revision, close }: DeployDialogProps) {
  const going = useSignal<readonly string[] | undefined>(undefined);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const chosen = form.getAll('environment').map(String);
    const body = { revision: Number(form.get('revision')) };
    const done: string[] = [];
    for (const name of chosen) {
      if (await attempt(() => call('PUT', pathOf('v1', 'environments', name, 'deployments', project.name), { body }))) done.push(name);
    }
    if (done.length > 0) going.value = done;
  };
  if (going.value) return <Going project={project.name} places={going.value} close={close} />;
  return (
    <Dialog title={`Deploy ${project.name}`} close={close}>
      <form onSubmit={submit}>
        <label class="field">
          <span>Revision</span>
          <select name="revision" value={String(revision)}>
            {[...project.revisions]
              .sort((one, other) => other.revision - one.revision)
              .map((one) => (
                <option key={one.revision} value={String(one.revision)}>
                  {one.revision}
                  {one.version && ` · ${one.version}`}
                </option>
              ))}
          </select>
        </label>
        <fieldset>
          <legend>Environments</legend>
          {environments.value.map(({ name }) => (
            <label key={name} class="check">
              <input type="checkbox" name="environment" value={name} defaultChecked={environments.value.length === 1} />
              {name} <span class="muted small">{presentIn(name, project.name)}</span>
            </label>
          ))}
        </fieldset>
        <div class="dialog-actions">
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="button primary">
            Deploy
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function presentIn(environment: string, project: string): string {
  const present = deployments.value[environment]?.deployments.find((one) => one.project === project);
  return present ? `runs revision ${present.revision}` : 'not deployed';
}

function Going({ project, places, close }: { project: string; places: readonly string[]; close: () => void }) {
  return (
    <Dialog title={`${project} is on its way`} close={close}>
      <div aria-live="polite">
        {places.map((environment) => {
          const deployment = deployments.value[environment]?.deployments.find((one) => one.project === project);
          return (
            <div key={environment} class="deployment">
              <div class="deployment-head">
                <strong>{environment}</strong>
                {deployment && <span class="badge">revision {deployment.revision}</span>}
              </div>
              {deployment && <ServerProgress deployment={deployment} />}
            </div>
          );
        })}
      </div>
      <div class="dialog-actions">
        <button type="button" class="button primary" onClick={close}>
          Done
        </button>
      </div>
    </Dialog>
  );
}
