import { useSignal } from '@preact/signals';
import type { KeyMade } from '../../api/caller-answers.ts';
import { call, pathOf } from '../state/api.ts';
import { readCallers } from '../state/callers.ts';
import { Dialog } from '../widgets/dialog.tsx';
import { FormDialog } from '../widgets/form-dialog.tsx';
import { Secret } from '../widgets/secret.tsx';
import { TextField } from '../widgets/text-field.tsx';
import { expiryOf } from './expiry-of.ts';

/** Makes a key for a consumer, then shows the key: only its digest is kept. */
export function KeyDialog({ consumer, close }: { consumer: string; close: () => void }) {
  const made = useSignal<KeyMade | undefined>(undefined);
  const submit = async (form: FormData) => {
    const [id, expires] = ['id', 'expires'].map((field) => String(form.get(field)).trim());
    const body = { ...(id && { id }), ...(expires && { expires }) };
    made.value = await call<KeyMade>('POST', pathOf('v1', 'consumers', consumer, 'keys'), { body });
    await readCallers();
  };
  if (made.value) {
    const { id, key, expires } = made.value;
    return (
      <Dialog title={`Key ${id} of ${consumer}`} close={close}>
        <p>
          <b>Copy it now: it is shown this once.</b> Expires: {expiryOf(expires).text}.
        </p>
        <Secret text={key} label="key" />
        <div class="dialog-actions">
          <button type="button" class="button primary" onClick={close}>
            Done
          </button>
        </div>
      </Dialog>
    );
  }
  return (
    <FormDialog title={`Make a key for ${consumer}`} action="Make the key" close={close} submit={submit}>
      <p class="muted lead">The keys made before stay valid, so that the consumer can change over. Revoke them afterwards.</p>
      <TextField
        label="Expires"
        name="expires"
        hint="A time such as 90d, or an instant such as 2027-03-31T00:00:00Z. Empty: valid until it is revoked"
        placeholder="90d"
        autofocus
      />
      <TextField label="Id" name="id" hint="Names the key afterwards. Empty: a new one" placeholder="spring" />
    </FormDialog>
  );
}
