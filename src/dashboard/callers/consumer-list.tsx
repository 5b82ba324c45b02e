import { useSignal, useSignalEffect } from '@preact/signals';
import { namePattern } from '../../model/bounds.ts';
import { call, pathOf } from '../state/api.ts';
import { consumerSearch, consumers, mostRead, readCallers, searchConsumers } from '../state/callers.ts';
import { isOpen, setOpen } from '../state/folds.ts';
import { plural } from '../state/format.ts';
import { notify } from '../state/notices.ts';
import { focusPlace } from '../state/place.ts';
import { useSought } from '../state/use-sought.ts';
import { Command, operatorCommand } from '../widgets/command.tsx';
import { FormDialog } from '../widgets/form-dialog.tsx';
import { TextField } from '../widgets/text-field.tsx';
import { ConsumerCard } from './consumer-card.tsx';
import { ConsumerLine } from './consumer-line.tsx';
import { createOnly } from './create-only.ts';

/** The consumers that match the search; each is a line, which opens to a card. */
export function ConsumerList() {
  const creating = useSignal(false);
  /** Name of the consumer that a link leads to, until it has been read and shown. */
  const wanted = useSignal<string | undefined>(undefined);
  useSought('consumers', (name) => {
    setOpen('consumer', name, true);
    searchConsumers(name);
    wanted.value = name;
  });
  useSignalEffect(() => {
    const name = wanted.value;
    if (name === undefined || consumers.value?.some((one) => one.name === name) !== true) return;
    wanted.value = undefined;
    requestAnimationFrame(() => requestAnimationFrame(() => focusPlace({ view: 'consumers', name })));
  });
  const found = consumers.value;
  const listed = found?.slice(0, mostRead) ?? [];
  const more = (found?.length ?? 0) > mostRead;
  const search = consumerSearch.value.trim();
  return (
    <>
      <div class="view-head">
        <div>
          <h1>Consumers</h1>
          <p class="muted small" role="status">
            {found === undefined
              ? 'Loading…'
              : more
                ? `The first ${mostRead} are shown: search for others`
                : `${plural(listed.length, 'consumer')}${search === '' ? '' : ` with “${search}”`}`}
          </p>
        </div>
        <div class="filters">
          <input
            type="search"
            aria-label="Search consumers"
            placeholder="Search consumers"
            maxLength={63}
            value={consumerSearch.value}
            onInput={(event) => searchConsumers(event.currentTarget.value)}
          />
          <button
            type="button"
            class="button primary"
            onClick={() => {
              creating.value = true;
            }}
          >
            New consumer
          </button>
        </div>
      </div>
      {found?.length === 0 && search === '' && (
        <section class="card first-step" aria-label="First consumer">
          <h2>Create a consumer</h2>
          <p class="muted">
            A consumer is a program or person that calls your APIs with a key. Projects ask for keys with the policy <code>apiKey</code> and{' '}
            <code>consumers: true</code>. Press <b>New consumer</b>, or run:
          </p>
          <Command text={operatorCommand('sluice consumer create NAME')} />
        </section>
      )}
      {found?.length === 0 && search !== '' && <p class="muted empty">No consumer matches “{search}”.</p>}
      {listed.length > 0 && (
        <ul class="environment-list">
          {listed.map((one) => (
            <li key={one.name}>{isOpen('consumer', one.name) ? <ConsumerCard consumer={one} /> : <ConsumerLine consumer={one} />}</li>
          ))}
        </ul>
      )}
      {creating.value && (
        <NewConsumer
          close={() => {
            creating.value = false;
          }}
        />
      )}
    </>
  );
}

function NewConsumer({ close }: { close: () => void }) {
  const submit = async (form: FormData) => {
    const name = String(form.get('name')).trim();
    await createOnly('consumer', name, () => call('PUT', pathOf('v1', 'consumers', name), { body: {}, headers: { 'if-none-match': '*' } }));
    setOpen('consumer', name, true);
    close();
    notify(`${name} created: make a key for it`, false);
    await readCallers();
  };
  return (
    <FormDialog title="New consumer" action="Create consumer" close={close} submit={submit}>
      <TextField label="Name" name="name" required pattern={namePattern} title="Letters, digits, - . _" placeholder="anna" autofocus />
    </FormDialog>
  );
}
