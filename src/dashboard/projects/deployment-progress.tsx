import type { Tone } from '../../api/answers.ts';
import type { Progress } from '../../api/progress.ts';
import { rejectionText } from '../../api/rejection.ts';
import { JoinCommand } from '../servers/join-command.tsx';
import { type DeploymentSummary, serverProgress } from './deployment-summary.ts';

/** Up to this many servers are all listed. If there are more, only the first unfinished ones are listed. */
const mostListed = 12;

const words: Readonly<Record<Progress['state'], { tone: Tone; word: string }>> = {
  rejected: { tone: 'bad', word: 'rejected' },
  lost: { tone: 'bad', word: 'lost' },
  pending: { tone: 'busy', word: 'loading' },
  unreported: { tone: 'idle', word: 'unreported' },
  active: { tone: 'good', word: 'active' },
};

/** The progress of an environment's servers with a deployment. */
export function DeploymentProgress({ environment, deployment }: { environment: string; deployment: DeploymentSummary }) {
  const all = serverProgress(environment, deployment);
  if (all.length === 0) {
    return (
      <>
        <p class="muted small">No servers yet; the first one to join loads this revision.</p>
        <JoinCommand environment={environment} />
      </>
    );
  }
  const done = all.filter(({ state }) => state === 'active').length;
  const reporting = all.filter(({ state }) => state !== 'unreported').length;
  const listed = all.length <= mostListed ? all : all.filter(({ state }) => state !== 'active').slice(0, mostListed);
  return (
    <>
      {done < reporting && <progress max={reporting} value={done} aria-label={`Servers of ${environment} on which it is active`} />}
      {all.length > mostListed && <p class="muted small">{summary(all)}</p>}
      <ul class="chips">
        {listed.map((progress) => (
          <ServerChip key={progress.id} progress={progress} />
        ))}
      </ul>
    </>
  );
}

function summary(all: readonly Progress[]): string {
  return Object.entries(words)
    .map(([state, { word }]) => ({ word, count: all.filter((one) => one.state === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ word, count }) => `${word} ${count}`)
    .join(' · ');
}

function ServerChip({ progress: { id, state, error, revision } }: { progress: Progress }) {
  const { tone, word } = words[state];
  return (
    <li class={`chip tone-${tone}`}>
      <span class="dot" aria-hidden="true" />
      <b>{id}</b>
      <span class="muted">
        {word}
        {state === 'rejected' && `: ${rejectionText({ revision, error })}`}
      </span>
    </li>
  );
}
