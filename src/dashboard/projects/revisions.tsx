import { useSignal } from '@preact/signals';
import type { ProjectSummaryAnswer } from '../../api/answers.ts';
import { dateTime } from '../state/format.ts';

/** Number of revisions shown initially. */
const firstShown = 6;

interface RevisionsProps {
  readonly project: ProjectSummaryAnswer;
  /** Names of the environments to which a revision is deployed. */
  readonly environmentsOf: (revision: number) => readonly string[];
  readonly compare: (revision: number) => void;
  readonly deploy: (revision: number) => void;
}

/** The revisions of a project, newest first. */
export function Revisions({ project: { revisions }, environmentsOf, compare, deploy }: RevisionsProps) {
  const all = useSignal(false);
  const newest = [...revisions].sort((one, other) => other.revision - one.revision);
  const shown = all.value ? newest : newest.slice(0, firstShown);
  return (
    <div class="card-part revisions">
      <h3>
        Revisions <span class="count">{newest.length}</span>
      </h3>
      <table>
        <thead>
          <tr>
            <th scope="col">Revision</th>
            <th scope="col">Label</th>
            <th scope="col">Pushed</th>
            <th scope="col">Deployed to</th>
            <th scope="col">
              <span class="unseen">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ revision, version, createdAt, hash }) => (
            <tr key={revision}>
              <td>
                <b>{revision}</b> <code class="muted small">{hash.slice(0, 7)}</code>
              </td>
              <td>{version || <span class="muted">–</span>}</td>
              <td>
                <time dateTime={new Date(createdAt).toISOString()}>{dateTime(createdAt)}</time>
              </td>
              <td>{listed(environmentsOf(revision)) || <span class="muted">–</span>}</td>
              <td class="row-actions">
                {newest.length > 1 && (
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
      {shown.length < newest.length && (
        <button
          type="button"
          class="button quiet more-rows"
          onClick={() => {
            all.value = true;
          }}
        >
          Show the other {newest.length - shown.length} revisions
        </button>
      )}
    </div>
  );
}

function listed(names: readonly string[]): string {
  return names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
}
