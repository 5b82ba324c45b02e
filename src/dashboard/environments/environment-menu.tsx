import { useSignal } from '@preact/signals';
import { ActionMenu } from '../widgets/action-menu.tsx';
import { DeleteEnvironment } from './delete-environment.tsx';
import { EnvironmentForm } from './environment-form.tsx';

/** The menu of actions for an environment. */
export function EnvironmentMenu({ name }: { name: string }) {
  const dialog = useSignal<'edit' | 'delete' | undefined>(undefined);
  const open = (kind: NonNullable<typeof dialog.value>) => () => {
    dialog.value = kind;
  };
  const close = () => {
    dialog.value = undefined;
  };
  return (
    <>
      <ActionMenu
        of={`environment ${name}`}
        actions={[
          { label: 'Settings…', run: open('edit') },
          { label: 'Delete…', danger: true, run: open('delete') },
        ]}
      />
      {dialog.value === 'edit' && <EnvironmentForm name={name} close={close} />}
      {dialog.value === 'delete' && <DeleteEnvironment name={name} close={close} />}
    </>
  );
}
