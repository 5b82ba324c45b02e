import { useSignal } from '@preact/signals';
import { useState } from 'preact/hooks';
import { compact } from '../state/format.ts';
import { busiest, conditionOf, traffic } from '../state/state.ts';
import { FormDialog } from '../widgets/form-dialog.tsx';
import { matches, SearchBox } from '../widgets/search-box.tsx';

/** Number of environments shown at a time. */
const maxShown = 40;

interface ChooseEnvironmentProps {
  readonly title: string;
  readonly action: string;
  readonly names: readonly string[];
  readonly choose: (name: string) => Promise<unknown>;
  readonly close: () => void;
}

/** A dialog to choose one of many environments. The one that is busiest when it opens comes first, and stays there. */
export function ChooseEnvironment({ title, action, names, choose, close }: ChooseEnvironmentProps) {
  const query = useSignal('');
  const chosen = useSignal<string | undefined>(undefined);
  const [first] = useState(busiest.peek());
  const matching = names.filter((name) => matches(query.value, name)).sort((one, other) => Number(other === first) - Number(one === first));
  // The chosen one stays in sight, also when the filter has changed since.
  const listed = matching.slice(0, maxShown);
  const shown = chosen.value === undefined || listed.includes(chosen.value) ? listed : [chosen.value, ...listed];
  const submit = async () => {
    const name = chosen.value ?? (matching.length === 1 ? matching[0] : undefined);
    if (name === undefined) throw new Error('Choose an environment.');
    close();
    await choose(name);
  };
  return (
    <FormDialog title={title} action={action} close={close} submit={submit}>
      <SearchBox label="Filter environments" query={query} />
      <fieldset class="choices">
        <legend class="unseen">Environment</legend>
        {shown.map((name) => (
          <label key={name} class="check">
            <input
              type="radio"
              name="environment"
              value={name}
              checked={chosen.value === name}
              onChange={() => {
                chosen.value = name;
              }}
            />
            <span>{name}</span>
            <span class="muted small">
              {conditionOf(name).ready} ready · {compact(traffic.environment(name).rate)}/s
              {name === busiest.value && ' · busiest now'}
            </span>
          </label>
        ))}
      </fieldset>
      {matching.length > maxShown && <p class="muted small">{matching.length - maxShown} more: use the filter to find them.</p>}
      {matching.length === 0 && <p class="muted">No environment matches.</p>}
    </FormDialog>
  );
}
