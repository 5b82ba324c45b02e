import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { describeRefusal, Refusal } from '../state/api.ts';
import { Dialog } from './dialog.tsx';

interface FormDialogProps {
  readonly title: string;
  /** What the button says. */
  readonly action: string;
  readonly close: () => void;
  readonly wide?: boolean;
  /** Sends what was filled in; rejects with a {@link Refusal} or an `Error` that says what to mend. */
  readonly submit: (form: FormData) => Promise<void>;
  readonly children: ComponentChildren;
}

/** A dialog that is filled in and sent; what is wrong with it is shown, and nothing that was filled in is lost. */
export function FormDialog({ title, action, close, wide, submit, children }: FormDialogProps) {
  const faults = useSignal<readonly string[]>([]);
  const busy = useSignal(false);
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy.value) return;
    busy.value = true;
    faults.value = [];
    try {
      await submit(new FormData(event.currentTarget as HTMLFormElement));
    } catch (error) {
      faults.value = error instanceof Refusal ? describeRefusal(error) : [(error as Error).message];
    }
    busy.value = false;
  };
  return (
    <Dialog title={title} close={close} wide={wide}>
      <form onSubmit={send}>
        {children}
        <div role="alert">
          {faults.value.length > 0 && (
            <ul class="problem">
              {faults.value.map((fault) => (
                <li key={fault}>{fault}</li>
              ))}
            </ul>
          )}
        </div>
        <div class="dialog-actions">
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="button primary" aria-disabled={busy.value}>
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
