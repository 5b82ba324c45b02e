import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { ApiError, describeApiError } from '../state/api.ts';
import { Dialog } from './dialog.tsx';

interface FormDialogProps {
  readonly title: string;
  /** Label of the submit button. */
  readonly action: string;
  readonly close: () => void;
  readonly wide?: boolean;
  /** Sends the form; rejects with an {@link ApiError}, or an `Error` that says what to correct. */
  readonly submit: (form: FormData) => Promise<void>;
  readonly children: ComponentChildren;
}

/** A dialog with a form. Faults found by `submit` are shown, and the input is kept. */
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
      faults.value = error instanceof ApiError ? describeApiError(error) : [(error as Error).message];
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
