import { useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';
import type { ProjectSummaryAnswer } from '../../api/answers.ts';
import { isOpen, setOpen } from '../state/folds.ts';
import { dateTime, plural } from '../state/format.ts';
import { matches, SearchBox } from '../widgets/search-box.tsx';
import type { RunningPlace } from './running-places.ts';

/** Above this number of revisions they are folded, and have a filter. */
const few = 5;
/** Number of revisions shown initially once they are unfolded. */
const firstShown = 20;

interface RevisionsProps {
  readonly project: ProjectSummaryAnswer;
  /** Where each revision runs or should run, by its number. Only called when the revisions are shown. */
  readonly placesOf: () => ReadonlyMap<number, readonly RunningPlace[]>;
  readonly show: (revision: number) => void;
  readonly compare: (revision: number) => void;
  readonly deploy: (revision: number) => void;
}

/** The revisions of a project, newest first. Many are folded until the user opens them. */
export function Revisions({ project, placesOf, show, compare, deploy }: RevisionsProps) {
  const { name, revisions, latest } = project;
  const id = useId();
  const many = revisions.length > few;
  const open = isOpen('revisions', name, !many);
  return (
    <div class="card-part revisions">
      <h3>
        {many ? (
          <button
            type="button"
            class="fold"
            aria-expanded={open}
            aria-controls={id}
            aria-label={`Revisions ${revisions.length} of ${name}`}
            onClick={() => setOpen('revisions', name, !open)}
          >
            Revisions <span class="count">{revisions.length}</span>
          </button>
        ) : (
          <>
            Revisions <span class="count">{revisions.length}</span>
          </>
        )}
        {!open && <span class="count">newest {latest}</span>}
      </h3>
      <div id={id} hidden={!open}>
        {open && <RevisionTable project={project} places={placesOf()} show={show} compare={compare} deploy={deploy} filtered={many} />}
      </div>
    </div>
  );
}

interface RevisionTableProps extends Omit<RevisionsProps, 'placesOf'> {
  readonly places: ReadonlyMap<number, readonly RunningPlace[]>;
  /** Shows a filter. */
  readonly filtered: boolean;
}

function RevisionTable({ project: { name, revisions }, places, show, compare, deploy, filtered }: RevisionTableProps) {
  const most = useSignal(firstShown);
  const query = useSignal('');
  const matching = revisions
    .filter(({ revision, version, hash, createdAt }) =>
      matches(query.value, `${revision} ${version} ${hash.slice(0, 7)} ${dateTime(createdAt)}`),
    )
    .sort((one, other) => other.revision - one.revision);
  const hidden = matching.length - most.value;
  return (
    <>
      {filtered && <SearchBox label={`Filter revisions of ${name}`} query={query} />}
      <table>
        <thead>
          <tr>
            <th scope="col">Revision</th>
            <th scope="col">Label</th>
            <th scope="col">Pushed</th>
            <th scope="col">Runs in</th>
            <th scope="col">
              <span class="unseen">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {matching.slice(0, most.value).map(({ revision, version, createdAt, hash }) => (
            <tr key={revision}>
              <td>
                <b>{revision}</b> <code class="muted small">{hash.slice(0, 7)}</code>
              </td>
              <td>{version || <span class="muted">–</span>}</td>
              <td>
                <time dateTime={new Date(createdAt).toISOString()}>{dateTime(createdAt)}</time>
              </td>
              <td>
                <RunsIn places={places.get(revision) ?? []} />
              </td>
              <td class="row-actions">
                <button type="button" class="button quiet" aria-label={`Show revision ${revision}`} onClick={() => show(revision)}>
                  Show
                </button>
                {revisions.length > 1 && (
                  <button type="button" class="button quiet" aria-label={`Compare revision ${revision}`} onClick={() => compare(revision)}>
                    Compare
                  </button>
                )}
                <button type="button" class="button quiet" aria-label={`Deploy revision ${revision}`} onClick={() => deploy(revision)}>
                  Deploy…
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {matching.length === 0 && <p class="muted">No revision matches.</p>}
      {hidden > 0 && (
        <button
          type="button"
          class="button quiet more-rows"
          onClick={() => {
            most.value += 50;
          }}
        >
          Show {Math.min(50, hidden)} more of {plural(matching.length, 'revision')}
        </button>
      )}
    </>
  );
}

/** Number of environments that are named. */
const mostNamed = 3;

function RunsIn({ places }: { places: readonly RunningPlace[] }) {
  if (places.length === 0) return <span class="muted">–</span>;
  return (
    <>
      {places.slice(0, mostNamed).map(({ environment, note, bad }) => (
        <div key={environment}>
          {environment} {note !== '' && <span class={bad ? 'badge tone-bad' : 'muted small'}>{note}</span>}
        </div>
      ))}
      {places.length > mostNamed && <span class="muted small">and {places.length - mostNamed} more</span>}
    </>
  );
}
