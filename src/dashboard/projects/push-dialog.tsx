import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { ProjectSummaryAnswer, RevisionAnswer } from '../../api/answers.ts';
import { ProjectEditor } from '../editor/project-editor.tsx';
import { ApiError, call, callTagged, onlyIf, pathOf } from '../state/api.ts';
import { attempt } from '../state/attempt.ts';
import { notify } from '../state/notices.ts';
import { FormDialog } from '../widgets/form-dialog.tsx';
import { writeProject } from './project-text.ts';

/** A revision whose text is edited. */
interface Edited {
  readonly name: string;
  readonly revision: number;
}

/** Uploads a project: a file, a text, or the edited text of a revision. Faults are shown with their lines; the first such line is selected when a push is refused. */
export function PushDialog({ edited, close }: { edited?: Edited; close: () => void }) {
  const given = useSignal({ text: '' });
  const text = useSignal('');
  const refused = useSignal<ApiError['faults']>([]);
  const tag = useSignal<string | undefined>(undefined);
  const newest = useSignal(edited?.revision ?? 0);
  /** Reads the present state of the project. The text stays, so that nothing typed is lost. */
  const look = async () => {
    if (edited === undefined) return;
    const { answer, etag } = await callTagged<ProjectSummaryAnswer>('GET', pathOf('v1', 'projects', edited.name));
    tag.value = etag;
    newest.value = answer.latest;
  };
  useEffect(() => {
    if (edited === undefined) return;
    void attempt(async () => {
      // The tag first: a push between the two readings must not go unseen.
      await look();
      const { project } = await call<RevisionAnswer>('GET', pathOf('v1', 'projects', edited.name, 'revisions', edited.revision));
      given.value = { text: writeProject(project).join('\n') };
    });
  }, []);
  const choose = async (event: Event) => {
    const file = (event.currentTarget as HTMLInputElement).files?.[0];
    if (file) given.value = { text: await file.text() };
  };
  const submit = async () => {
    if (text.value.trim() === '') throw new Error('Write a project, or choose a file.');
    const content = { text: text.value, headers: onlyIf(tag.value) };
    const { name, revision } = await call<{ name: string; revision: number }>('POST', '/v1/projects', content).catch((error) => {
      if (error instanceof ApiError) refused.value = error.faults;
      throw error;
    });
    close();
    notify(`${name} is at revision ${revision}`, false);
  };
  const title = edited === undefined ? 'Push a project' : `Edit revision ${edited.revision} of ${edited.name}`;
  return (
    <FormDialog
      title={title}
      action="Push"
      close={close}
      submit={submit}
      {...(edited !== undefined && { lookAgain: () => attempt(look) })}
      wide
    >
      <p class="muted lead">
        {edited !== undefined && 'The text makes a new revision. '}
        Content equal to the newest revision makes no new revision. Nothing changes for clients until the revision is deployed.
      </p>
      {edited !== undefined && newest.value > edited.revision && (
        <p class="problem lead">The newest revision is {newest.value}: this text does not have its changes.</p>
      )}
      {edited === undefined && (
        <label class="field">
          <span>File</span>
          <input type="file" accept=".yaml,.yml,.json" onChange={(event) => void choose(event)} />
        </label>
      )}
      <ProjectEditor
        given={given.value}
        refused={refused.value}
        changed={(now) => {
          text.value = now;
          refused.value = [];
        }}
      />
    </FormDialog>
  );
}
