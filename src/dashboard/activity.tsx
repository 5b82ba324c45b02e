import { useSignal } from '@preact/signals';
import type { Happening } from '../api/answers.ts';
import { moment } from './state/format.ts';
import { happenings } from './state/state.ts';
import { matches, SearchBox } from './widgets/search-box.tsx';

const kinds = {
  '': 'Everything',
  server: 'Servers',
  health: 'Health',
  deployment: 'Deployments',
  environment: 'Environments',
  project: 'Projects',
  consumer: 'Consumers',
  product: 'Products',
  balancer: 'Balancer',
} as const;

/** The activity view: what has happened, including the time before the page was opened. */
export function Activity() {
  const query = useSignal('');
  const kind = useSignal<keyof typeof kinds>('');
  return (
    <div class="view">
      <div class="view-head">
        <h1>Activity</h1>
        <div class="filters">
          <select
            aria-label="Kind of activity"
            value={kind.value}
            onChange={(event) => {
              kind.value = event.currentTarget.value as keyof typeof kinds;
            }}
          >
            {Object.entries(kinds).map(([value, word]) => (
              <option key={value} value={value}>
                {word}
              </option>
            ))}
          </select>
          <SearchBox label="Filter: a server, environment, cause…" query={query} />
        </div>
      </div>
      <section class="card" aria-label="Activity">
        <Happenings filter={query.value} kind={kind.value} />
      </section>
    </div>
  );
}

interface HappeningsProps {
  readonly most?: number;
  readonly filter?: string;
  readonly kind?: Happening['kind'] | '';
}

/** A list of happenings, newest first. */
export function Happenings({ most, filter = '', kind = '' }: HappeningsProps) {
  const shown = happenings.value
    .filter((one) => kind === '' || one.kind === kind)
    .filter(({ subject, environment, text, cause }) => matches(filter, `${subject} ${environment ?? ''} ${text} ${cause ?? ''}`))
    .reverse()
    .slice(0, most);
  if (shown.length === 0) {
    return (
      <p class="muted empty-part">
        {filter === '' && kind === ''
          ? 'Nothing has happened yet. Servers that join or leave, health changes, deployments, rejections and changes of consumers appear here, with time and cause.'
          : 'No activity matches.'}
      </p>
    );
  }
  return (
    <ol class="happenings">
      {shown.map(({ at, tone, subject, text, cause }, index) => (
        <li key={`${at} ${subject} ${text} ${index}`} class={`tone-${tone}`}>
          <time dateTime={new Date(at).toISOString()}>{moment(at)}</time>
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
