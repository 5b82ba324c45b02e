import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { ProductAnswer } from '../../api/caller-answers.ts';
import { namePattern } from '../../model/bounds.ts';
import { call, callTagged, onlyIf, pathOf } from '../state/api.ts';
import { attempt } from '../state/attempt.ts';
import { readCallers } from '../state/callers.ts';
import { notify } from '../state/notices.ts';
import { FormDialog } from '../widgets/form-dialog.tsx';
import { TextField } from '../widgets/text-field.tsx';
import { createOnly } from './create-only.ts';

/** A form that creates a product or, given a name, changes that one, on condition that it is still as the form shows it. */
export function ProductForm({ name, close }: { name?: string; close: () => void }) {
  const present = useSignal<Pick<ProductAnswer, 'projects' | 'limit' | 'quota'> | undefined>(
    name === undefined ? { projects: [], limit: null, quota: null } : undefined,
  );
  const tag = useSignal<string | undefined>(undefined);
  /** Counts the readings: each one makes new fields, with the settings as read. */
  const reading = useSignal(0);
  const read = async () => {
    if (name === undefined) return;
    await attempt(async () => {
      const { answer, etag } = await callTagged<ProductAnswer>('GET', pathOf('v1', 'products', name));
      tag.value = etag;
      present.value = answer;
      reading.value++;
    });
  };
  useEffect(() => void read(), []);
  const submit = async (form: FormData) => {
    const text = (field: string) => String(form.get(field) ?? '').trim();
    const target = name ?? text('name');
    const projects = text('projects')
      .split(/[\s,]+/)
      .filter((project) => project !== '');
    const body = { projects, limit: text('limit') || null, quota: text('quota') || null };
    const put = (headers: Readonly<Record<string, string>>) => call('PUT', pathOf('v1', 'products', target), { body, headers });
    if (name === undefined) await createOnly('product', target, () => put({ 'if-none-match': '*' }));
    else await put(onlyIf(tag.value));
    close();
    notify(name === undefined ? `${target} created` : `${target} changed`, false);
    await readCallers();
  };
  if (present.value === undefined) return null;
  const { projects, limit, quota } = present.value;
  return (
    <FormDialog
      title={name === undefined ? 'New product' : `Change ${name}`}
      action={name === undefined ? 'Create product' : 'Save'}
      close={close}
      submit={submit}
      {...(name !== undefined && { lookAgain: read })}
    >
      <p class="muted lead">From then on its projects refuse callers without a subscription.</p>
      {name === undefined && <TextField label="Name" name="name" required pattern={namePattern} title="Letters, digits, - . _" autofocus />}
      <div key={reading.value}>
        <TextField
          label="Projects"
          name="projects"
          hint="Names, with commas or spaces between them"
          required
          defaultValue={projects.join(', ')}
        />
        <div class="field-row">
          <TextField label="Limit" name="limit" hint="Requests of each subscriber: 100/s, 1000/m, 5000/h" defaultValue={limit ?? ''} />
          <TextField label="Quota" name="quota" hint="Requests in a period: 10000/day" defaultValue={quota ?? ''} />
        </div>
      </div>
    </FormDialog>
  );
}
