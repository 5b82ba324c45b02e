import { useSignal } from '@preact/signals';
import type { ServerAnswer } from '../../api/answers.ts';
import { maxWeight } from '../../model/bounds.ts';
import { plural } from '../state/format.ts';
import { activeOn, conditionOf, environments, fewEnvironments } from '../state/state.ts';
import { Confirm } from '../widgets/dialog.tsx';
import { Disclosure } from '../widgets/disclosure.tsx';
import { ChooseEnvironment } from './choose-environment.tsx';
import { addServer, drainServer, forgetServer, removeServer, setServerWeight } from './server-actions.ts';

type OpenDialog = { readonly kind: 'drain' | 'remove' | 'choose' } | { readonly kind: 'move'; readonly to: string };

/** The menu of actions for a server of an environment. */
export function ServerMenu({ server, environment }: { server: ServerAnswer; environment: string }) {
  const { id, weight, state, movingTo } = server;
  const dialog = useSignal<OpenDialog | undefined>(undefined);
  const open = (opened: OpenDialog) => () => {
    dialog.value = opened;
  };
  const others = environments.value.map(({ name }) => name).filter((name) => name !== environment);
  const leaving = movingTo !== undefined;
  const moves =
    others.length <= fewEnvironments ? (
      others.map((to) => (
        <button key={to} type="button" onClick={open({ kind: 'move', to })}>
          Move to {to}
        </button>
      ))
    ) : (
      <button type="button" onClick={open({ kind: 'choose' })}>
        Move to…
      </button>
    );
  return (
    <>
      <Disclosure label="⋯" description={`Actions for ${id}`} class="icon-button more">
        {state === 'draining' && !leaving ? (
          <button type="button" onClick={() => void drainServer(id, false)}>
            Resume
          </button>
        ) : (
          <button type="button" disabled={leaving} onClick={isLast(server) ? open({ kind: 'drain' }) : () => void drainServer(id, true)}>
            Drain <small>no new requests</small>
          </button>
        )}
        {server.source === 'static' ? (
          <p class="muted small">Static: the environment's settings list it, with its weight.</p>
        ) : (
          <>
            {moves}
            <button type="button" disabled={movingTo === null} onClick={open({ kind: 'remove' })}>
              Remove <small>drain, then make available</small>
            </button>
            {state === 'lost' && (
              <button type="button" onClick={() => void forgetServer(id)}>
                Forget <small>remove its record at once</small>
              </button>
            )}
            <WeightField id={id} weight={weight} />
          </>
        )}
      </Disclosure>
      {dialog.value && (
        <ServerDialog
          server={server}
          environment={environment}
          dialog={dialog.value}
          others={others}
          close={() => {
            dialog.value = undefined;
          }}
        />
      )}
    </>
  );
}

interface ServerDialogProps {
  readonly server: ServerAnswer;
  readonly environment: string;
  readonly dialog: OpenDialog;
  readonly others: readonly string[];
  readonly close: () => void;
}

/** The dialog that precedes an action after which the server gets no new requests here. */
function ServerDialog({ server, environment, dialog, others, close }: ServerDialogProps) {
  const { id } = server;
  const active = activeOn(environment, id);
  const finishes = active === undefined || active === 0 ? 'No request is lost' : `${plural(active, 'request')} in flight will finish first`;
  const consequence = isLast(server)
    ? `It is the last server that takes requests: clients of ${environment} get 503 until another one is ready.`
    : `The other servers of ${environment} take over.`;
  const text = `${finishes}. ${consequence}`;
  switch (dialog.kind) {
    case 'choose':
      return <ChooseEnvironment title={`Move ${id}`} action="Move" names={others} choose={(to) => addServer(id, to)} close={close} />;
    case 'drain':
      return <Confirm title={`Drain ${id}?`} text={text} action={`Drain ${id}`} close={close} confirm={() => void drainServer(id, true)} />;
    case 'move':
      return (
        <Confirm
          title={`Move ${id} to ${dialog.to}?`}
          text={text}
          action={`Move ${id}`}
          close={close}
          confirm={() => void addServer(id, dialog.to)}
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
      return dialog satisfies never;
  }
}

/** True if no other server of its environment takes requests. */
function isLast({ environment, state, health }: ServerAnswer): boolean {
  return environment !== null && state === 'ready' && health === 'up' && conditionOf(environment).ready <= 1;
}

/** Takes effect on Enter, or when the field loses focus. Updates of the page do not overwrite an unfinished input. */
function WeightField({ id, weight }: { id: string; weight: number }) {
  const draft = useSignal<string | undefined>(undefined);
  const commit = async () => {
    const given = draft.value;
    if (given !== undefined && given !== '' && Number(given) !== weight) await setServerWeight(id, Number(given));
    draft.value = undefined;
  };
  return (
    <label class="menu-field" data-stay>
      Weight
      <input
        type="number"
        min={0}
        max={maxWeight}
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
