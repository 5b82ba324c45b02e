import type { Clock, Timer } from '../model/clock.ts';
import type { Environment, EnvironmentSpec } from '../model/environment.ts';

type ServerTls = EnvironmentSpec['serverTls'];

/** Milliseconds after which every server has heard that it need not demand TLS any more. */
const heardMs = 15_000;

/**
 * `serverTls` of environments, as connections obey it. Servers hear of a change by their next snapshot: until then a server may still
 * refuse plain connections, so that TLS is given up only some time after it was switched off.
 */
export class HopModes {
  readonly #clock: Clock;
  readonly #ended: () => void;
  readonly #modes = new Map<string, { given: ServerTls; obeyed: ServerTls; timer?: Timer }>();

  /** @param ended called when a mode is obeyed that was set some time ago */
  constructor(clock: Clock, ended: () => void) {
    this.#clock = clock;
    this.#ended = ended;
  }

  follow(environments: Iterable<Environment>): void {
    const present = new Set<string>();
    for (const { name, spec } of environments) {
      present.add(name);
      this.#set(name, spec.serverTls);
    }
    for (const [name, { timer }] of this.#modes) {
      if (present.has(name)) continue;
      timer?.cancel();
      this.#modes.delete(name);
    }
  }

  /** The mode that is obeyed now. @param given that of the environment's settings */
  of(name: string, given: ServerTls): ServerTls {
    return this.#modes.get(name)?.obeyed ?? given;
  }

  stop(): void {
    this.follow([]);
  }

  #set(name: string, given: ServerTls): void {
    const before = this.#modes.get(name);
    if (before?.given === given) return;
    before?.timer?.cancel();
    if (before === undefined || strictness[given] >= strictness[before.obeyed]) {
      this.#modes.set(name, { given, obeyed: given });
      return;
    }
    const timer = this.#clock.after(heardMs, () => {
      this.#modes.set(name, { given, obeyed: given });
      this.#ended();
    });
    this.#modes.set(name, { given, obeyed: before.obeyed, timer });
  }
}

const strictness = { off: 0, auto: 1, on: 2 } as const;
