import { useSignal } from '@preact/signals';
import type { ServerAnswer } from '../../api/answers.ts';
import { ChooseEnvironment, fewEnvironments } from '../environments/choose-environment.tsx';
import { activeOn, conditionOf, environments } from '../state/state.ts';
import { Confirm } from '../widgets/dialog.tsx';
import { Disclosure } from '../widgets/disclosure.tsx';
import { addServer, drainServer, removeServer, weighServer } from './server-actions.ts';

type Asked = { readonly what: 'drain' | 'remove' | 'choose' } | { readonly what: 'move'; readonly to: string };

/** What can be done with a server of an environment. */
export function ServerMenu({ server, environment }: { server: ServerAnswer; environment: string }) {
  const { id, weight, state, movingTo } = server;
  const asked = useSignal<Asked | undefined>(undefined);
  const ask = (what: Asked) => () => {
    asked.value = what;
  };
  const others = environments.value.map(({ name }) => name).filter((name) => name !== environment);
  const leaving = movingTo !== undefined;
  return (
    <>
      <Disclosure label="⋯" description={`Actions for ${id}`} class="icon-button more">
        {state === 'draining' && !leaving ? (
          <button type="button" onClick={() => void drainServer(id, false)}>
            Resume
          </button>
        ) : (
          <button type="button" disabled={leaving} onClick={isLast(server) ? ask({ what: 'drain' }) : () => void drainServer(id, true)}>
            Drain <small>nothing new, finish the rest</small>
          </button>
        )}
        {others.length <= fewEnvironments ? (
          others.map((to) => (
            <button key={to} type="button" onClick={ask({ what: 'move', to })}>
              Move to {to}
            </button>
          ))
        ) : (
          <button type="button" onClick={ask({ what: 'choose' })}>
            Move to…
          </button>
        )}
        <button type="button" disabled={movingTo === null} onClick={ask({ what: 'remove' })}>
          Remove <small>drain, then available</small>
        </button>
        <WeightField id={id} weight={weight} />
      </Disclosure>
      {asked.value && (
        <Question
          server={server}
          environment={environment}
          asked={asked.value}
          others={others}
          close={() => {
            asked.value = undefined;
          }}
        />
      )}
    </>
  );
}

interface QuestionProps {
  readonly server: ServerAnswer;
  readonly environment: string;
  readonly asked: Asked;
  readonly others: readonly string[];
  readonly close: () => void;
}

/** What is asked before a server takes nothing more here. */
function Question({ server, environment, asked, others, close }: QuestionProps) {
  const { id } = server;
  const active = activeOn(environment, id);
  const finishes = active === undefined || active === 0 ? 'Nothing is lost' : `${active} in flight finish first`;
  const text = `${finishes}. ${isLast(server) ? `It is the last server that takes requests: clients of ${environment} get 503 until another is ready.` : `The other servers of ${environment} take over.`}`;
  switch (asked.what) {
    case 'choose':
      return <ChooseEnvironment title={`Move ${id}`} action="Move" names={others} choose={(to) => addServer(id, to)} close={close} />;
    case 'drain':
      return <Confirm title={`Drain ${id}?`} text={text} action={`Drain ${id}`} close={close} confirm={() => void drainServer(id, true)} />;
    case 'move':
      return (
        <Confirm
          title={`Move ${id} to ${asked.to}?`}
          text={text}
          action={`Move ${id}`}
          close={close}
          confirm={() => void addServer(id, asked.to)}
        />
      );
    case 'remove':
      return (
        <Confirm
          title={`Remove ${id} from ${environment}?`}
          text={text}
          action={`Remove ${id}`}
          close={close}
          confirm={() => void removeServer(id, environment)}
        />
      );
    default:
      return asked satisfies never;
  }
}

/** No other server of its environment takes requests. */
function isLast({ environment, state, health }: ServerAnswer): boolean {
  return environment !== null && state === 'ready' && health === 'up' && conditionOf(environment).ready <= 1;
}

/** Takes effect at once when it is left, or with Enter. What is being typed stays, whatever the page hears meanwhile. */
function WeightField({ id, weight }: { id: string; weight: number }) {
  const draft = useSignal<string | undefined>(undefined);
  const commit = async () => {
    const given = draft.value;
    if (given !== undefined && given !== '' && Number(given) !== weight) await weighServer(id, Number(given));
    draft.value = undefined;
  };
  return (
    <label class="menu-field" data-stay>
      Weight
      <input
        type="number"
        min={0}
        max={65535}
        step={1}
        value={draft.value ?? String(weight)}
        onInput={(event) => {
          draft.value = event.currentTarget.value;
        }}
        onChange={() => void commit()}
      />
    </label>
  );
}
