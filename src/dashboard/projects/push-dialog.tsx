import { useSignal } from '@preact/signals';
import { call } from '../state/api.ts';
import { notify } from '../state/notices.ts';
import { FormDialog } from '../widgets/form-dialog.tsx';

/** Uploads a project file; its faults are shown with their lines. */
export function PushDialog({ close }: { close: () => void }) {
  const text = useSignal('');
  const choose = async (event: Event) => {
    const file = (event.currentTarget as HTMLInputElement).files?.[0];
    if (file) text.value = await file.text();
  };
  const submit = async () => {
    const { name, revision } = await call<{ name: string; revision: number }>('POST', '/v1/projects', { text: text.value });
    close();
    notify(`${name} is at revision ${revision}`, false);
  };
  return (
    <FormDialog title="Push a project" action="Push" close={close} submit={submit} wide>
      <p class="muted lead">
        Content equal to the newest revision makes no new revision. Nothing changes for clients until the revision is deployed.
      </p>
      <label class="field">
        <span>File</span>
        <input type="file" accept=".yaml,.yml,.json" onChange={(event) => void choose(event)} />
      </label>
      <label class="field">
        <span>Project (YAML or JSON)</span>
        <textarea
          name="project"
          rows={16}
          required
          spellcheck={false}
          value={text.value}
          placeholder={'name: petstore\nbasePath: /petstore\ntargets:\n  default: { url: "http://127.0.0.1:9201" }'}
          onInput={(event) => {
            text.value = event.currentTarget.value;
          }}
        />
      </label>
    </FormDialog>
  );
}
