import { useSignal } from '@preact/signals';
import { compact } from '../state/format.ts';
import { busiest, conditionOf, traffic } from '../state/state.ts';
import { FormDialog } from '../widgets/form-dialog.tsx';
import { fits, SearchBox } from '../widgets/search-box.tsx';

/** Up to so many a menu names them; above it they are looked for. */
export const fewEnvironments = 6;
/** Shown at a time. */
const most = 40;

interface ChooseEnvironmentProps {
  readonly title: string;
  readonly action: string;
  readonly names: readonly string[];
  readonly choose: (name: string) => Promise<unknown>;
  readonly close: () => void;
}

/** Asks for one of many environments, the busiest first. */
export function ChooseEnvironment({ title, action, names, choose, close }: ChooseEnvironmentProps) {
  const wanted = useSignal('');
  const fitting = names
    .filter((name) => fits(wanted.value, name))
    .sort((one, other) => Number(other === busiest.value) - Number(one === busiest.value));
  const submit = async (form: FormData) => {
    const name = form.get('environment');
    if (name === null) throw new Error('Choose an environment.');
    close();
    await choose(String(name));
  };
  return (
    <FormDialog title={title} action={action} close={close} submit={submit}>
      <SearchBox label="Filter environments" wanted={wanted} />
      <fieldset class="choices">
        <legend class="unseen">Environment</legend>
        {fitting.slice(0, most).map((name) => (
          <label key={name} class="check">
            <input type="radio" name="environment" value={name} />
            <span>{name}</span>
            <span class="muted small">
              {conditionOf(name).ready} ready · {compact(traffic.environment(name).rate)}/s
              {name === busiest.value && ' · busiest now'}
            </span>
          </label>
        ))}
      </fieldset>
      {fitting.length > most && <p class="muted small">{fitting.length - most} more: filter to see them.</p>}
      {fitting.length === 0 && <p class="muted">None fits.</p>}
    </FormDialog>
  );
}
