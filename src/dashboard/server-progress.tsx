import type { DeploymentsAnswer } from '../control/answers.ts';
import type { Tone } from './standing.ts';

type Progress = DeploymentsAnswer['deployments'][number]['servers'][number];

const words: Readonly<Record<Progress['state'], { tone: Tone; word: string }>> = {
  active: { tone: 'good', word: 'runs it' },
  pending: { tone: 'busy', word: 'loading' },
  rejected: { tone: 'bad', word: 'rejected' },
  unreported: { tone: 'idle', word: 'unreported' },
  lost: { tone: 'bad', word: 'lost' },
};

/** How far each server is with a deployment. */
export function ServerProgress({ deployment: { servers } }: { deployment: DeploymentsAnswer['deployments'][number] }) {
  if (servers.length === 0) return <p class="muted small">No servers there yet; the first to join loads it.</p>;
  const done = servers.filter(({ state }) => state === 'active').length;
  return (
    <>
      {done < servers.length && <progress max={servers.length} value={done} aria-label="Servers that run it" />}
      <ul class="chips">
        {servers.map(({ id, state, error, revision }) => (
          <li key={id} class={`chip tone-${words[state].tone}`}>
            <span class="dot" aria-hidden="true" />
            <b>{id}</b>
            <span class="muted">
              {words[state].word}
              {state === 'rejected' && `: ${error ?? 'no reason given'}${revision > 0 ? ` (revision ${revision} goes on)` : ''}`}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}
