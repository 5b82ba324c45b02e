import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { EnvironmentAnswer } from '../../api/answers.ts';
import { namePattern } from '../../model/bounds.ts';
import { ApiError, call, callTagged, onlyIf, pathOf } from '../state/api.ts';
import { attempt } from '../state/attempt.ts';
import { notify } from '../state/notices.ts';
import { FormDialog } from '../widgets/form-dialog.tsx';
import { TextField } from '../widgets/text-field.tsx';

type Settings = Record<string, unknown>;

/** Settings with a form field; the others are edited as JSON. */
const ownFields = ['listen', 'hosts', 'balance', 'slowStart', 'exposeServer'];
const balances = ['round-robin', 'least-connections', 'random-two', 'ewma', 'hash'];

/** A form that creates an environment or, given a name, changes that one, on condition that its settings are still as the form shows them. */
export function EnvironmentForm({ name, close }: { name?: string; close: () => void }) {
  const present = useSignal<Settings | undefined>(name === undefined ? {} : undefined);
  const tag = useSignal<string | undefined>(undefined);
  /** Counts the readings: each one makes new fields, with the settings as read. */
  const reading = useSignal(0);
  const origins = useSignal<Readonly<Record<string, 'file' | 'api'>>>({});
  const read = async () => {
    if (name === undefined) return;
    await attempt(async () => {
      const { answer, etag } = await callTagged<EnvironmentAnswer>('GET', pathOf('v1', 'environments', name));
      const { name: _, status, ...settings } = answer;
      tag.value = etag;
      origins.value = status.origins;
      present.value = settings;
      reading.value++;
    });
  };
  useEffect(() => void read(), []);
  const submit = async (form: FormData) => {
    const target = name ?? String(form.get('name')).trim();
    const headers = name === undefined ? { 'if-none-match': '*' } : onlyIf(tag.value);
    await call('PUT', pathOf('v1', 'environments', target), { body: settingsOf(form), headers }).catch((error) => {
      if (name !== undefined || !(error instanceof ApiError) || !error.isStale) throw error;
      throw new Error(`There is an environment "${target}" already: choose another name, or change its settings.`);
    });
    close();
    notify(name === undefined ? `${target} created` : `${target} changed`, false);
  };
  if (present.value === undefined) return null;
  const title = name === undefined ? 'New environment' : `Settings of ${name}`;
  return (
    <FormDialog
      title={title}
      action={name === undefined ? 'Create environment' : 'Save'}
      close={close}
      submit={submit}
      {...(name !== undefined && { lookAgain: read })}
    >
      {name === undefined && (
        <TextField label="Name" name="name" required pattern={namePattern} title="Letters, digits, - . _" placeholder="production" />
      )}
      <Fields key={reading.value} present={present.value} />
      <Origins origins={origins.value} />
    </FormDialog>
  );
}

/** Names the settings of the configuration file: a change here stays until the file changes that setting. */
function Origins({ origins }: { origins: Readonly<Record<string, 'file' | 'api'>> }) {
  const of = (wanted: 'file' | 'api') => Object.keys(origins).filter((path) => origins[path] === wanted);
  if (Object.keys(origins).length === 0) return null;
  return (
    <p class="muted small">
      From the configuration file: {of('file').join(', ') || 'none'}. Changed here or by API: {of('api').join(', ') || 'none'}. A change
      here stays until the file changes that setting.
    </p>
  );
}

function Fields({ present }: { present: Settings }) {
  const rest = Object.fromEntries(Object.entries(present).filter(([key]) => !ownFields.includes(key)));
  return (
    <>
      <TextField
        label="Listener"
        hint="HOST:PORT that clients connect to; host 0.0.0.0 opens it to the network"
        name="listen"
        defaultValue={String(present['listen'] ?? '127.0.0.1:8080')}
        required
      />
      <TextField
        label="Hosts"
        hint="Leave empty for the listener's default environment"
        name="hosts"
        defaultValue={((present['hosts'] as string[]) ?? []).join(', ')}
        placeholder="api.example.com, *.api.example.com"
      />
      <div class="field-row">
        <label class="field">
          <span>Balancing</span>
          <select name="balance">
            {balances.map((balance) => (
              <option key={balance} selected={balance === (present['balance'] ?? 'round-robin')}>
                {balance}
              </option>
            ))}
          </select>
        </label>
        <TextField label="Slow start" name="slowStart" defaultValue={String(present['slowStart'] ?? '0s')} />
      </div>
      <label class="check">
        <input type="checkbox" name="exposeServer" defaultChecked={present['exposeServer'] === true} />
        Name the server in responses (x-served-by)
      </label>
      <details class="advanced">
        <summary>Health, retries, limits, timeouts, variables</summary>
        <textarea
          name="rest"
          aria-label="Other settings as JSON"
          rows={14}
          spellcheck={false}
          defaultValue={JSON.stringify(rest, null, 2)}
        />
      </details>
    </>
  );
}

function settingsOf(form: FormData): Settings {
  const text = (field: string) => String(form.get(field) ?? '').trim();
  const hosts = text('hosts')
    .split(/[\s,]+/)
    .filter((host) => host !== '');
  const own = {
    listen: text('listen'),
    hosts,
    balance: text('balance'),
    slowStart: text('slowStart'),
    exposeServer: form.has('exposeServer'),
  };
  try {
    return { ...(JSON.parse(text('rest') || '{}') as Settings), ...own };
  } catch (error) {
    throw new Error(`The other settings are not valid JSON: ${(error as Error).message}`);
  }
}
