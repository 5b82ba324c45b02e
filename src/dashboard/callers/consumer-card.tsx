import { useSignal } from '@preact/signals';
import type { ConsumerAnswer } from '../../api/caller-answers.ts';
import { dateTime, plural } from '../state/format.ts';
import { toggleFold } from '../state/place.ts';
import { ActionMenu } from '../widgets/action-menu.tsx';
import { ConsumerCalls } from './caller-usage.tsx';
import { ConsumerKeys } from './consumer-keys.tsx';
import { DeleteCaller } from './delete-caller.tsx';
import { KeyDialog } from './key-dialog.tsx';
import { Subscriptions } from './subscriptions.tsx';

/** One consumer: its keys and subscriptions, with their actions. */
export function ConsumerCard({ consumer }: { consumer: ConsumerAnswer }) {
  const { name, createdAt, keys, passwords, products } = consumer;
  const dialog = useSignal<'key' | 'delete' | undefined>(undefined);
  const open = (kind: NonNullable<typeof dialog.value>) => () => {
    dialog.value = kind;
  };
  const close = () => {
    dialog.value = undefined;
  };
  return (
    <section class="card" aria-label={`Consumer ${name}`} data-consumer={name}>
      <div class="card-head">
        <div>
          <h2>{name}</h2>
          <p class="muted small">
            created {dateTime(createdAt)}
            {passwords.length > 0 && ` · ${plural(passwords.length, 'password')} for basic authentication`}
          </p>
        </div>
        <div class="card-actions">
          <button
            type="button"
            class="button quiet"
            aria-expanded
            aria-label={`Collapse ${name}`}
            onClick={() => toggleFold({ view: 'consumers', name }, false)}
          >
            Collapse
          </button>
          <ActionMenu of={`consumer ${name}`} actions={[{ label: 'Delete…', danger: true, run: open('delete') }]} />
          <button type="button" class="button" aria-label={`Make a key for ${name}`} onClick={open('key')}>
            Make a key…
          </button>
        </div>
      </div>
      <ConsumerKeys consumer={name} keys={keys} />
      <ConsumerCalls consumer={name} />
      <Subscriptions consumer={name} subscribed={products} />
      {dialog.value === 'key' && <KeyDialog consumer={name} close={close} />}
      {dialog.value === 'delete' && (
        <DeleteCaller kind="consumer" name={name} close={close}>
          <p>Its {plural(keys.length, 'key')} and subscriptions go with it. Gateway servers refuse its keys within two seconds.</p>
        </DeleteCaller>
      )}
    </section>
  );
}
