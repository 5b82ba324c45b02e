import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { ApiError, describeApiError } from '../state/api.ts';
import { refreshAll } from '../state/refresh.ts';
import { Dialog } from './dialog.tsx';

interface FormDialogProps {
  readonly title: string;
  /** Label of the submit button. */
  readonly action: string;
  readonly close: () => void;
  readonly wide?: boolean;
  /** Marks an action that removes something: the Cancel button has the focus, unless a field has it. */
  readonly danger?: boolean;
  /** Sends the form; rejects with an {@link ApiError}, or an `Error` that says what to correct. */
  readonly submit: (form: FormData) => Promise<void>;
  /** Reads the object again, after a change was refused because this dialog showed an earlier state; default: reads everything again. */
  readonly lookAgain?: () => Promise<unknown>;
  readonly children: ComponentChildren;
}

/** A dialog with a form. Faults found by `submit` are shown, and the input is kept. */
export function FormDialog({ title, action, close, wide, danger, submit, lookAgain = refreshAll, children }: FormDialogProps) {
  const faults = useSignal<readonly string[]>([]);
  const stale = useSignal(false);
  const busy = useSignal(false);
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy.value) return;
    busy.value = true;
    faults.value = [];
    stale.value = false;
    try {
      await submit(new FormData(event.currentTarget as HTMLFormElement));
    } catch (error) {
      faults.value = error instanceof ApiError ? describeApiError(error) : [(error as Error).message];
      stale.value = error instanceof ApiError && error.isStale;
    }
    busy.value = false;
  };
  const look = async () => {
    await lookAgain();
    faults.value = [];
    stale.value = false;
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
          {stale.value && (
            <button type="button" class="button" onClick={() => void look()}>
              Look again
            </button>
          )}
        </div>
        <div class="dialog-actions">
          {/* Has the focus if no field has it: a key pressed in haste cancels. */}
          <button type="button" class="button" onClick={close} autofocus={danger === true}>
            Cancel
          </button>
          <button type="submit" class={danger === true ? 'button danger' : 'button primary'} aria-disabled={busy.value}>
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
