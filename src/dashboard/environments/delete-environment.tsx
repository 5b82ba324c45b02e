import { call, onlyIf, pathOf } from '../state/api.ts';
import { plural } from '../state/format.ts';
import { notify } from '../state/notices.ts';
import { refreshAll } from '../state/refresh.ts';
import { deployments, serversOf } from '../state/state.ts';
import { useTag } from '../state/use-tag.ts';
import { FormDialog } from '../widgets/form-dialog.tsx';
import { TextField } from '../widgets/text-field.tsx';

/** Asks before an environment is deleted; for the name too, if it has servers or deployments. */
export function DeleteEnvironment({ name, close }: { name: string; close: () => void }) {
  const path = pathOf('v1', 'environments', name);
  const { tag, readAgain } = useTag(path);
  const deployed = deployments.value[name]?.deployments.length ?? 0;
  const content = [
    ...(serversOf(name).length > 0 ? [plural(serversOf(name).length, 'server')] : []),
    ...(deployed > 0 ? [plural(deployed, 'deployment')] : []),
  ];
  const busy = content.length > 0;
  const submit = async (form: FormData) => {
    if (busy && String(form.get('name')).trim() !== name) throw new Error(`Type the name of the environment: ${name}`);
    // An environment that has got content since this dialog said it is empty is refused by the API.
    await call('DELETE', busy ? `${path}?force=true` : path, { headers: onlyIf(await tag()) });
    close();
    notify(`${name} deleted`, false);
  };
  const lookAgain = async () => {
    await Promise.all([readAgain(), refreshAll()]);
  };
  return (
    <FormDialog title={`Delete ${name}?`} action={`Delete ${name}`} danger close={close} submit={submit} lookAgain={lookAgain}>
      <p>
        It has {busy ? content.join(' and ') : 'no servers and no deployments'}. Its clients will get no answer any more.
        {busy && ' Its servers become available.'}
      </p>
      {busy && (
        <TextField label={`To confirm, type its name: ${name}`} name="name" autocomplete="off" autocapitalize="off" required autofocus />
      )}
    </FormDialog>
  );
}
