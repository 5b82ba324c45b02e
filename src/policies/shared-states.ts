import type { Clock, Timer } from '../model/clock.ts';

/** Milliseconds for which a state is kept that no policy holds: the next revision of a project holds it only after the one before let it go. */
const keptMs = 60_000;

interface SharedState {
  readonly value: object;
  holders: number;
  expiry: Timer | undefined;
}

/** States of policies by name, shared by all policies that need the same one. They outlive the revision of a project that made them. */
export class SharedStates {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #states = new Map<string, SharedState>();

  constructor(clock: Pick<Clock, 'after'>) {
    this.#clock = clock;
  }

  /** Returns the state with this name, made now if there is none. Each call needs a later one of {@link release}. */
  hold<State extends object>(name: string, make: () => State): State {
    let state = this.#states.get(name);
    if (state === undefined) {
      state = { value: make(), holders: 0, expiry: undefined };
      this.#states.set(name, state);
    }
    state.expiry?.cancel();
    state.expiry = undefined;
    state.holders++;
    return state.value as State;
  }

  /** Forgets the state after a minute, unless a policy holds it then, and calls its `close` if it has one. */
  release(name: string): void {
    const state = this.#states.get(name);
    if (state === undefined || --state.holders > 0) return;
    state.expiry = this.#clock.after(keptMs, () => {
      this.#states.delete(name);
      (state.value as { close?(): void }).close?.();
    });
  }
}

/** The state that one policy holds between its `begin` and its `end`. */
export class HeldState<State extends object> {
  readonly #states: SharedStates;
  readonly #name: string;
  readonly #make: () => State;
  #state: State | undefined;
  #held = false;

  constructor(states: SharedStates, name: string, make: () => State) {
    this.#states = states;
    this.#name = name;
    this.#make = make;
  }

  /** The state. After {@link end} it is the last one, for requests that have not ended. */
  get value(): State {
    if (this.#state === undefined) this.begin();
    return this.#state as State;
  }

  begin(): void {
    if (this.#held) return;
    this.#held = true;
    this.#state = this.#states.hold(this.#name, this.#make);
  }

  end(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#states.release(this.#name);
  }
}
