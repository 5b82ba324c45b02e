import type { Logger } from 'pino';
import type { BesideMain } from '../../balancer/workers/beside.ts';
import { GatewayCopy } from '../../gateway/gateway-copy.ts';
import { partsOf } from '../../metrics/family-sums.ts';
import { systemClock } from '../../model/clock.ts';
import { SluiceError } from '../../model/fault.ts';
import type { News } from '../../model/news.ts';
import { eachInTurns } from '../../model/pieces.ts';
import type { DeployedProject } from '../../model/snapshot.ts';
import type { UpstreamPool } from '../../proxy/upstream-pool.ts';
import type { Registry } from '../../registry/contract.ts';
import { readGatewayVariables } from '../gateway-variables.ts';
import type { StandardOutput } from '../standard-output.ts';
import { answerTo, Calls } from './calls.ts';
import type { CopyOrder, FromCopies, RegistryCall, ToCopies } from './messages.ts';

/** Milliseconds between two looks for changed consumers without news, about: as a gateway server's lease of 10 s has it. */
const everyMs = 3300;
/** Milliseconds for exchanges of a copy when the worker ends: it has none by then. */
const endMs = 0;
const gone = 'the main process has died';

/** A copy, and what has arrived for it. */
interface Copy {
  readonly order: CopyOrder;
  readonly served: GatewayCopy;
  /** Projects of the next update. */
  put: DeployedProject[];
  /** Resolves when the copy has been told for the first time what runs. */
  readonly ready: Promise<void>;
  readonly isReady: () => void;
}

/** Copies of the embedded servers in a worker process, which carry the requests that the worker has for them. */
export class CopiesHere implements BesideMain {
  readonly #send: (message: FromCopies) => void;
  readonly #logger: Logger;
  readonly #lines: StandardOutput;
  readonly #calls = new Calls();
  readonly #copies = new Map<string, Copy>();
  #alone = false;
  readonly #listening = new Set<(news: News) => void>();

  constructor(parts: { send: (message: FromCopies) => void; logger: Logger; lines: StandardOutput }) {
    this.#send = parts.send;
    this.#logger = parts.logger;
    this.#lines = parts.lines;
  }

  /** The way to a server, by its id. */
  readonly poolOf = (id: string): UpstreamPool | undefined => {
    let found: Copy | undefined;
    // The one that began last: an earlier start of the server may still drain.
    for (const copy of this.#copies.values()) if (copy.order.id === id) found = copy;
    return found?.served.pool;
  };

  receive(given: unknown): void {
    // Not validated: the message comes from the same program over a private channel.
    const message = given as ToCopies;
    if (message.kind === 'begin') this.#begin(message);
    else if (message.kind === 'answer') this.#calls.answered(message);
    else if (message.kind === 'news') for (const tell of this.#listening) tell(message.news);
    else {
      const copy = this.#copies.get(message.instance);
      if (copy !== undefined) this.#carryOut(message, copy);
    }
  }

  async ready(): Promise<void> {
    await Promise.all([...this.#copies.values()].map(({ ready }) => ready));
  }

  async end(): Promise<void> {
    await Promise.all([...this.#copies.values()].map((copy) => this.#end(copy, endMs)));
  }

  /** The main process has died, and answers no call any more. */
  mainProcessGone(): void {
    this.#alone = true;
    this.#calls.end(gone);
  }

  #begin(order: CopyOrder): void {
    const { instance, id, address, dataDir } = order;
    const logger = this.#logger.child({ server: id });
    const served = new GatewayCopy({
      ...readGatewayVariables(),
      ...{ id, instance, address, dataDir, everyMs, logger, lines: this.#lines, clock: systemClock, random: Math.random },
      // A worker holds parts of limits as a gateway server of its own does: together they never let more through than the limit.
      holder: `${id}~${process.pid}`,
      registry: this.#registry,
    });
    let isReady = () => {};
    const ready = new Promise<void>((resolve) => {
      isReady = resolve;
    });
    this.#copies.set(instance, { order, served, put: [], ready, isReady });
  }

  #carryOut(message: Exclude<ToCopies, { kind: 'begin' | 'answer' | 'news' }>, copy: Copy): void {
    const { instance } = message;
    switch (message.kind) {
      case 'part':
        copy.put.push(message.project);
        break;
      case 'apply': {
        const update = message.update && { ...message.update, put: copy.put };
        copy.put = [];
        void copy.served.apply(update).then((running) => {
          copy.isReady();
          this.#send({ kind: 'runs', instance, ...(running && { running }) });
        });
        break;
      }
      case 'families':
        void answerTo(message.call, () => this.#tellFamilies(copy, message.call)).then((answer) =>
          this.#send({ kind: 'answer', ...answer }),
        );
        break;
      case 'usage':
        void answerTo(message.call, () => copy.served.usage(message.project)).then((answer) => this.#send({ kind: 'answer', ...answer }));
        break;
      case 'end':
        void this.#end(copy, message.graceMs);
        break;
      default:
        message satisfies never;
    }
  }

  async #end(copy: Copy, graceMs: number): Promise<void> {
    const { instance } = copy.order;
    await copy.served.close(graceMs);
    if (!this.#copies.delete(instance)) return;
    await this.#tellFamilies(copy, 0);
    this.#send({ kind: 'ended', instance });
  }

  /** Sends what the copy has counted, in parts with turns of the event loop between them: a server may have thousands of projects. */
  async #tellFamilies({ order: { instance }, served }: Copy, call: number): Promise<void> {
    await eachInTurns(partsOf(await served.families()), (part) => this.#send({ kind: 'family', instance, call, part }));
  }

  /** The registry of the main process. */
  readonly #registry: Pick<Registry, 'callers' | 'watch' | 'limits'> = {
    limits: { ask: (holder, asks) => this.#call({ method: 'limits', holder, asks }) },
    callers: {
      id: () => this.#call({ method: 'callersId' }),
      parts: (wanted) => this.#call({ method: 'callerParts', wanted }),
    },
    watch: (listener) => {
      this.#listening.add(listener);
      return { ready: Promise.resolve(), close: () => this.#listening.delete(listener) };
    },
  };

  #call<Value>(asked: RegistryCall): Promise<Value> {
    if (this.#alone) return Promise.reject(new SluiceError('unavailable', gone));
    return this.#calls.make<Value>((call) => this.#send({ kind: 'call', call, asked }));
  }
}
