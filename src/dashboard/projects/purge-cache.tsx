import { call, pathOf } from '../state/api.ts';
import { notify } from '../state/notices.ts';
import { FormDialog } from '../widgets/form-dialog.tsx';
import { TextField } from '../widgets/text-field.tsx';

interface PurgeCacheProps {
  readonly environment: string;
  readonly project: string;
  readonly close: () => void;
}

/** Asks before the stored responses of a project are removed from the servers of an environment: all, or those of a path or tag. */
export function PurgeCache({ environment, project, close }: PurgeCacheProps) {
  const submit = async (form: FormData) => {
    const asked = ['path', 'tag'].flatMap((field) => {
      const text = String(form.get(field)).trim();
      return text === '' ? [] : [[field, text]];
    });
    await call('DELETE', `${pathOf('v1', 'environments', environment, 'cache')}?${new URLSearchParams([['project', project], ...asked])}`);
    close();
    notify(`Stored responses of ${project} are removed in ${environment}`, false);
  };
  return (
    <FormDialog title={`Empty the cache of ${project} in ${environment}?`} action="Empty the cache" danger close={close} submit={submit}>
      <p class="lead">
        Responses that the policy cache has stored are removed from every gateway server. The next requests go to the target, so its load
        rises for a while.
      </p>
      <TextField
        label="Path"
        name="path"
        hint="Only this path, with any query; /articles/* for all below. Empty: every path"
        placeholder="/articles/*"
      />
      <TextField label="Tag" name="tag" hint="Only responses with this member in the target's Cache-Tag. Empty: all" />
    </FormDialog>
  );
}
