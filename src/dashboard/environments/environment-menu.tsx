import { useSignal } from '@preact/signals';
import { Disclosure } from '../widgets/disclosure.tsx';

import { DeleteEnvironment } from './delete-environment.tsx';
import { EnvironmentForm } from './environment-form.tsx';

/** The menu of actions for an environment. */
export function EnvironmentMenu({ name }: { name: string }) {
  const dialog = useSignal<'edit' | 'delete' | undefined>(undefined);
  const close = () => {
    dialog.value = undefined;
  };
  return (
    <>
      <Disclosure label="⋯" description={`Actions for environment ${name}`} class="icon-button more">
        <button
          type="button"
          onClick={() => {
            dialog.value = 'edit';
          }}
        >
          Settings…
        </button>
        <button
          type="button"
          class="danger-text"
          onClick={() => {
            dialog.value = 'delete';
          }}
        >
          Delete…
        </button>
      </Disclosure>
      {dialog.value === 'edit' && <EnvironmentForm name={name} close={close} />}
      {dialog.value === 'delete' && <DeleteEnvironment name={name} close={close} />}
    </>
  );
}
