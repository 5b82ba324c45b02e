import { useSignal } from '@preact/signals';
import { call, pathOf } from '../state/api.ts';
import { attempt } from '../state/attempt.ts';
import { plural } from '../state/format.ts';
import { deployments, serversOf } from '../state/state.ts';
import { Confirm } from '../widgets/dialog.tsx';
import { Disclosure } from '../widgets/disclosure.tsx';

import { EnvironmentForm } from './environment-form.tsx';

/** The menu of actions for an environment. */
export function EnvironmentMenu({ name }: { name: string }) {
  const dialog = useSignal<'edit' | 'delete' | undefined>(undefined);
  const close = () => {
    dialog.value = undefined;
  };
  const deployed = deployments.value[name]?.deployments.length ?? 0;
  const content = [
    ...(serversOf(name).length > 0 ? [plural(serversOf(name).length, 'server')] : []),
    ...(deployed > 0 ? [plural(deployed, 'deployment')] : []),
  ];
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
      {dialog.value === 'delete' && (
        <Confirm
          title={`Delete ${name}?`}
          text={`It has ${content.length === 0 ? 'no servers and no deployments' : content.join(' and ')}. Its clients will get no answer any more. Its servers become available.`}
          action={`Delete ${name}`}
          close={close}
          confirm={() => void attempt(() => call('DELETE', `${pathOf('v1', 'environments', name)}?force=true`), `${name} deleted`)}
        />
      )}
    </>
  );
}
