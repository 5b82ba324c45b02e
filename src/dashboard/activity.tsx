import { useSignal } from '@preact/signals';
import { clockTime } from './format.ts';
import { happenings } from './store.ts';

/** Everything that happened since the page was opened. */
export function Activity() {
  const wanted = useSignal('');
  return (
    <div class="view">
      <div class="view-head">
        <h1>Activity</h1>
        <input
          type="search"
          aria-label="Filter activity"
          placeholder="Filter: a server, environment, project…"
          value={wanted.value}
          onInput={(event) => {
            wanted.value = event.currentTarget.value;
          }}
        />
      </div>
      <section class="card" aria-label="Activity">
        <Happenings filter={wanted.value.toLowerCase()} />
      </section>
    </div>
  );
}

/** Newest first. */
export function Happenings({ most, filter = '' }: { most?: number; filter?: string }) {
  const shown = happenings.value
    .filter(({ subject, text, cause }) => `${subject} ${text} ${cause}`.toLowerCase().includes(filter))
    .slice(0, most);
  if (shown.length === 0)
    return <p class="muted empty-part">Nothing {filter === '' ? 'has happened since this page was opened' : 'fits'}.</p>;
  return (
    <ol class="happenings">
      {shown.map(({ at, tone, subject, text, cause }, index) => (
        <li key={`${at} ${subject} ${text} ${index}`} class={`tone-${tone}`}>
          <time dateTime={new Date(at).toISOString()}>{clockTime(at)}</time>
          <span class="dot" aria-hidden="true" />
          <span>
            <b>{subject}</b> {text}
            {cause !== undefined && <span class="muted"> — {cause}</span>}
          </span>
        </li>
      ))}
    </ol>
  );
}
