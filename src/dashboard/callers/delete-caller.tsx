import type { ComponentChildren } from 'preact';
import { call, onlyIf, pathOf } from '../state/api.ts';
import { readCallers } from '../state/callers.ts';
import { notify } from '../state/notices.ts';
import { useTag } from '../state/use-tag.ts';
import { FormDialog } from '../widgets/form-dialog.tsx';

interface DeleteCallerProps {
  readonly kind: 'consumer' | 'product';
  readonly name: string;
  /** True: subscriptions to the product end. */
  readonly force?: boolean;
  readonly close: () => void;
  /** Says what else is lost. */
  readonly children: ComponentChildren;
}

/** Asks before a consumer or product is deleted, on condition that it is still as it was when the dialog opened. */
export function DeleteCaller({ kind, name, force = false, close, children }: DeleteCallerProps) {
  const path = pathOf('v1', `${kind}s`, name);
  const { tag, readAgain } = useTag(path);
  const submit = async () => {
    await call('DELETE', force ? `${path}?force=true` : path, { headers: onlyIf(await tag()) });
    close();
    notify(`${name} deleted`, false);
    await readCallers();
  };
  const lookAgain = async () => {
    await Promise.all([readAgain(), readCallers()]);
  };
  return (
    <FormDialog title={`Delete ${kind} ${name}?`} action={`Delete ${name}`} danger close={close} submit={submit} lookAgain={lookAgain}>
      {children}
    </FormDialog>
  );
}
