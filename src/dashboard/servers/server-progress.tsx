import type { Tone } from '../../api/answers.ts';
import type { Progress } from '../../api/progress.ts';
import { rejectionText } from '../../api/rejection.ts';
import { type Deployment, progressIn } from '../projects/progress.ts';
import { Command, joinCommand } from '../widgets/command.tsx';

/** Servers that are named each; of more only those that do not run it yet. */
const mostNamed = 12;

const words: Readonly<Record<Progress['state'], { tone: Tone; word: string }>> = {
  rejected: { tone: 'bad', word: 'rejected' },
  lost: { tone: 'bad', word: 'lost' },
  pending: { tone: 'busy', word: 'loading' },
  unreported: { tone: 'idle', word: 'unreported' },
  active: { tone: 'good', word: 'runs it' },
};

/** How far each server is with a deployment. */
export function ServerProgress({ environment, deployment }: { environment: string; deployment: Deployment }) {
  const all = progressIn(environment, deployment);
  if (all.length === 0) {
    return (
      <>
        <p class="muted small">No servers there yet; the first to join loads it.</p>
        <Command text={joinCommand(environment)} />
      </>
    );
  }
  const done = all.filter(({ state }) => state === 'active').length;
  const named = all.length <= mostNamed ? all : all.filter(({ state }) => state !== 'active').slice(0, mostNamed);
  return (
    <>
      {done < all.length && <progress max={all.length} value={done} aria-label={`Servers of ${environment} that run it`} />}
      {all.length > mostNamed && <p class="muted small">{tally(all)}</p>}
      <ul class="chips">
        {named.map((progress) => (
          <ServerChip key={progress.id} progress={progress} />
        ))}
      </ul>
    </>
  );
}

function tally(all: readonly Progress[]): string {
  return Object.entries(words)
    .map(([state, { word }]) => ({ word, count: all.filter((one) => one.state === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ word, count }) => `${word === 'runs it' ? 'runs on' : word} ${count}`)
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
