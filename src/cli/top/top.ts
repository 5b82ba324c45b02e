import type { EnvironmentAnswer, ServerAnswer } from '../../api/answers.ts';
import { systemClock } from '../../model/clock.ts';
import { LiveFeed } from '../client/live-feed.ts';
import { Failure } from '../failure.ts';
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
  #left: number;
  #away: string | undefined;
  #reading = false;
  #readAgain = false;
  #end: (failure?: unknown) => void = () => undefined;

  constructor(operator: Operator, options: TopOptions) {
    this.#operator = operator;
    this.#options = options;
    this.#sorting = options.sort;
    this.#left = options.once ? 1 : (options.count ?? Number.POSITIVE_INFINITY);
  }

  /** Settles when the user has had enough. */
  async run(): Promise<void> {
    const { client, terminal } = this.#operator;
    await this.#adopt();
    const ended = new Promise<void>((resolve, reject) => {
      this.#end = (failure) => (failure === undefined ? resolve() : reject(failure));
    });
    const unlisten = terminal.onStop(() => this.#end());
    // While the balancer is away nothing else may keep the process running.
    const alive = setInterval(() => undefined, 2 ** 30);
    const feed = new LiveFeed(
      client,
      {
        opened: () => this.#back(),
        heard: (message) => this.#guard(() => this.#hear(message)),
        lost: (reason) => this.#guard(() => this.#lose(reason)),
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
        void this.#read();
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
    if (this.#away !== undefined) return [...title, { text: `  the balancer is away (${this.#away}): trying again`, tone: 'bad' }];
    if (this.#state.registry) return title;
    return [...title, { text: '  it cannot reach its registry: these are the servers last known', tone: 'warn' }];
  }

  #lose(reason: string): void {
    const first = this.#away === undefined;
    this.#away = reason;
    this.#state.forget();
    if (this.#board instanceof ScreenBoard) this.#draw();
    else if (first) this.#operator.note({ text: `the balancer is away (${reason}): trying again`, tone: 'warn' });
  }

  #back(): void {
    if (this.#away !== undefined && !(this.#board instanceof ScreenBoard)) this.#operator.note('the balancer is back');
    this.#away = undefined;
    void this.#read();
  }

  /** One reading at a time; whatever makes it stale meanwhile leads to one more. */
  async #read(): Promise<void> {
    this.#readAgain = true;
    if (this.#reading) return;
    this.#reading = true;
    while (this.#readAgain) {
      this.#readAgain = false;
      try {
        await this.#adopt();
      } catch (error) {
        // The feed finds out by itself whether that lasts.
        if (!(error instanceof Failure)) this.#end(error);
      }
    }
    this.#reading = false;
  }

  async #adopt(): Promise<void> {
    const { client } = this.#operator;
    const [environments, servers] = await Promise.all([
      client.get<EnvironmentAnswer[]>('/v1/environments'),
      client.get<ServerAnswer[]>('/v1/servers'),
    ]);
    this.#state.adopt(environments, servers);
  }

  /** An error here would otherwise end the process with the terminal as it is. */
  #guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#end(error);
    }
  }
}
