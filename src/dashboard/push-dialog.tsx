import { useSignal } from '@preact/signals';
import { call, Refusal } from './api.ts';
import { Dialog } from './dialog.tsx';
import { attempt } from './notices.tsx';

/** Takes a project file; what is wrong with it is shown with its line. */
export function PushDialog({ close }: { close: () => void }) {
  const text = useSignal('');
  const faults = useSignal<readonly string[]>([]);
  const choose = async (event: Event) => {
    const file = (event.currentTarget as HTMLInputElement).files?.[0];
    if (file) text.value = await file.text();
  };
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    try {
      const { name, revision } = await call<{ name: string; revision: number }>('POST', '/v1/projects', { text: text.value });
      close();
      await attempt(async () => undefined, `${name} is at revision ${revision}`);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      faults.value = error.faults.length === 0 ? [error.message] : error.faults.map(describeFault);
    }
  };
  return (
    <Dialog title="Push a project" close={close} wide>
      <form onSubmit={submit}>
        <p class="muted">The same content as the newest revision makes no new one. Nothing changes for clients until it is deployed.</p>
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
        {faults.value.length > 0 && (
          <ul class="problem" role="alert">
            {faults.value.map((fault) => (
              <li key={fault}>{fault}</li>
            ))}
          </ul>
        )}
        <div class="dialog-actions">
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="button primary">
            Push
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function describeFault({ path, line, message }: Refusal['faults'][number]): string {
  return `${line === undefined ? '' : `Line ${line}: `}${path} ${message}`;
}
