import type { EnvironmentAnswer, ServerAnswer } from '../../api/answers.ts';
import { systemClock } from '../../model/clock.ts';
import { CoalescedTask } from '../../model/coalesced-task.ts';
import { LiveFeed } from '../client/live-feed.ts';
import { CommandFailure } from '../command-failure.ts';
import type { Operator, OperatorOptions } from '../operator.ts';
import type { Line } from '../terminal/text.ts';
import { listing, ScreenBoard, sortKeys, type TopBoard } from './top-board.ts';
import { plainRows, type Sorting, topRows } from './top-rows.ts';
import { TopState } from './top-state.ts';

export interface TopOptions extends OperatorOptions {
  readonly environment?: string;
  readonly sort: Sorting;
  readonly count?: number;
  readonly once?: true;
}

/** One run of `top`. */
export class Top {
  readonly #operator: Operator;
  readonly #options: TopOptions;
  readonly #state = new TopState();
  #board: TopBoard | undefined;
  #sorting: Sorting;
  /** Number of tables still to be printed. */
  #left: number;
  /** Reason why the balancer is unreachable; undefined while the feed is connected. */
  #outage: string | undefined;
  readonly #refresh = new CoalescedTask({ clock: systemClock, run: () => this.#refreshState() });
  #end: (failure?: unknown) => void = () => undefined;

  constructor(operator: Operator, options: TopOptions) {
    this.#operator = operator;
    this.#options = options;
    this.#sorting = options.sort;
    this.#left = options.once ? 1 : (options.count ?? Number.POSITIVE_INFINITY);
  }

  /** Resolves when the user quits or the requested number of tables is printed. Rejects if the balancer refuses this client. */
  async run(): Promise<void> {
    const { client, terminal } = this.#operator;
    await this.#readState();
    const ended = new Promise<void>((resolve, reject) => {
      this.#end = (failure) => (failure === undefined ? resolve() : reject(failure));
    });
    const unlisten = terminal.onStop(() => this.#end());
    // Keeps the process running while the balancer is unreachable: no socket does so then, and the clock's timers do not.
    const alive = setInterval(() => undefined, 2 ** 30);
    const feed = new LiveFeed(
      client,
      {
        opened: () => this.#connected(),
        heard: (message) => this.#guard(() => this.#hear(message)),
        lost: (reason) => this.#guard(() => this.#disconnected(reason)),
        failed: (failure) => this.#end(failure),
      },
      systemClock,
      Math.random,
    );
    try {
      this.#board = this.#open();
      await ended;
    } finally {
      clearInterval(alive);
      this.#refresh.stop();
      unlisten();
      feed.close();
      this.#board?.close();
    }
  }

  #open(): TopBoard {
    const { terminal } = this.#operator;
    const surface = terminal.surface.out;
    if (surface === undefined || this.#options.json || this.#left < Number.POSITIVE_INFINITY) return listing(this.#operator);
    return new ScreenBoard(terminal, surface, (key) => this.#press(key));
  }

  #press(key: string): void {
    const sorting = sortKeys[key];
    if (key === 'q' || key === 'Q' || key === '\u0003') this.#end();
    else if (sorting !== undefined) {
      this.#sorting = sorting;
      this.#guard(() => this.#draw());
    }
  }

  #hear(message: Parameters<TopState['hear']>[0]): void {
    switch (this.#state.hear(message)) {
      case 'stale':
        this.#refresh.soon();
        break;
      case 'tick':
        this.#tick();
        break;
      default:
    }
  }

  #tick(): void {
    if (this.#left === 0) return;
    this.#left--;
    this.#draw();
    if (this.#left === 0) this.#end();
  }

  #draw(): void {
    const { terminal } = this.#operator;
    const rows = topRows(this.#state, this.#sorting, this.#options.environment);
    if (this.#options.json) terminal.out(JSON.stringify({ at: systemClock.date(), ...plainRows(rows) }));
    else this.#board?.show({ title: this.#title(), rows, sorting: this.#sorting });
  }

  #title(): Line {
    const { url } = this.#operator.client;
    const time = new Date(systemClock.date()).toTimeString().slice(0, 8);
    const title: Line = [{ text: 'sluice top', tone: 'strong' }, `  ${url}  ${time}`];
    if (this.#outage !== undefined)
      return [...title, { text: `  no connection to the balancer (${this.#outage}): trying again`, tone: 'bad' }];
    if (this.#state.registry) return title;
    return [...title, { text: '  the balancer cannot reach its registry: these are the last known servers', tone: 'warn' }];
  }

  #disconnected(reason: string): void {
    const first = this.#outage === undefined;
    this.#outage = reason;
    this.#state.forget();
    if (this.#board instanceof ScreenBoard) this.#draw();
    else if (first) this.#operator.note({ text: `no connection to the balancer (${reason}): trying again`, tone: 'warn' });
  }

  #connected(): void {
    if (this.#outage !== undefined && !(this.#board instanceof ScreenBoard)) this.#operator.note('connected to the balancer again');
    this.#outage = undefined;
    this.#refresh.soon();
  }

  async #refreshState(): Promise<void> {
    try {
      await this.#readState();
    } catch (error) {
      // A refusal or an outage is left to the feed, which reconnects or gives up.
      if (!(error instanceof CommandFailure)) this.#end(error);
    }
  }

  async #readState(): Promise<void> {
    const { client } = this.#operator;
    const [environments, servers] = await Promise.all([
      client.get<EnvironmentAnswer[]>('/v1/environments'),
      client.get<ServerAnswer[]>('/v1/servers'),
    ]);
    this.#state.adopt(environments, servers);
  }

  /** Turns an error of a callback into the end of this run, so that the terminal is restored first. */
  #guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#end(error);
    }
  }
}
