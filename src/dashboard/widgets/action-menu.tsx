import { Disclosure } from './disclosure.tsx';

/** One choice of a menu. */
export interface Action {
  /** Text of the button: `Delete…`. */
  readonly label: string;
  readonly run: () => void;
  /** Marks an action that removes something. */
  readonly danger?: boolean;
  /** Why it cannot be chosen now; undefined: it can. */
  readonly refused?: string | undefined;
}

/** The menu of actions for an object, named in `of` with its kind: `product gold`. */
export function ActionMenu({ of, actions }: { of: string; actions: readonly Action[] }) {
  return (
    <Disclosure label="⋯" description={`Actions for ${of}`} class="icon-button more">
      {actions.map(({ label, run, danger, refused }) => (
        <button
          key={label}
          type="button"
          class={danger === true ? 'danger-text' : undefined}
          disabled={refused !== undefined}
          onClick={run}
        >
          {label} {refused !== undefined && <small>{refused}</small>}
        </button>
      ))}
    </Disclosure>
  );
}
