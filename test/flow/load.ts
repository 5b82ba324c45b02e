import { Agent, type IncomingMessage, request } from 'node:http';
import { Condition } from '../tools/condition.ts';
import { pause } from './pause.ts';

/** What a load has seen so far. */
export interface Tally {
  sent: number;
  /** Answered with 200 and exactly the body that was asked for. */
  right: number;
  /** One line for each that was not. */
  readonly wrong: string[];
  /** Answers by the server named in `x-served-by`. */
  by: Map<string, number>;
  /** Answers by `x-revision`. */
  revisions: Map<string, number>;
  /** Longest time in milliseconds between two right answers, whoever got them. */
  longestGapMs: number;
  /**
   * Neither right nor wrong at first: the generator itself had just stood still, and found a connection closed that it had left idle
   * for so long. A server that ends need not wait for such a client (RFC 9112 section 9.5). GETs are sent again.
   */
  late: number;
}

export interface LoadOptions {
  /** Default 8. */
  readonly clients?: number;
  /** Milliseconds that each client rests after an answer; default 0: it asks as fast as it is answered. */
  readonly restMs?: number;
  /** Sent as Host; default: the address. */
  readonly host?: string;
  /** Nobody listening is waited out rather than counted as a failure: what a client of a balancer that restarts must do. */
  readonly patient?: boolean;
}

/** So long, in milliseconds, a client that wants no request lost may leave a connection idle; and how long ago that counts. */
const idleLimit = { ms: 250, rememberedMs: 2000 };
const lookMs = 25;

/** A constant load on one address: so many clients, each sending its next request when the last is answered; every body is checked. */
export class Load {
  readonly tally: Tally = { sent: 0, right: 0, wrong: [], by: new Map(), revisions: new Map(), longestGapMs: 0, late: 0 };
  readonly #address: string;
  readonly #path: string;
  readonly #options: LoadOptions;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #clients: Promise<void>[] = [];
  readonly #answered = new Condition();
  #lastRight = performance.now();
  #lastLook = performance.now();
  #stoodStill = Number.NEGATIVE_INFINITY;
  readonly #looking = setInterval(() => this.#look(), lookMs);
  #stopped = false;

  /** @param path `/base/` and, if several loads share a target, a letter: a number is appended, and the target echoes the last segment */
  constructor(address: string, path: string, options: LoadOptions = {}) {
    this.#address = address;
    this.#path = path;
    this.#options = options;
    for (let client = 0; client < (options.clients ?? 8); client++) this.#clients.push(this.#run(client));
  }

  /** Settles when `holds` does, looked at after every answer. */
  async until(holds: (tally: Tally) => boolean): Promise<void> {
    await this.#answered.until(() => holds(this.tally));
  }

  /** Settles after so many more answers. */
  async more(answers: number): Promise<void> {
    const goal = this.tally.right + this.tally.wrong.length + answers;
    await this.until((tally) => tally.right + tally.wrong.length >= goal);
  }

  /** Forgets who answered, and will answer, what was sent so far. */
  recount(): void {
    this.tally.by = new Map();
    this.tally.revisions = new Map();
  }

  async stop(): Promise<Tally> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    this.#agent.destroy();
    clearInterval(this.#looking);
    return this.tally;
  }

  async #run(client: number): Promise<void> {
    const { restMs = 0 } = this.#options;
    for (let number = 0; !this.#stopped; number++) {
      await this.#send(number % 4 === 3 ? 'POST' : 'GET', `${client}-${number}`);
      this.#answered.notify();
      if (restMs > 0) await pause(restMs);
    }
  }

  async #send(method: string, id: string): Promise<void> {
    const { tally } = this;
    const { by, revisions } = tally;
    const echoed = this.#path.slice(this.#path.lastIndexOf('/') + 1) + id;
    tally.sent++;
    for (;;) {
      try {
        const { response, body } = await this.#exchange(method, id);
        if (response.statusCode === 200 && body === `${method} ${echoed} ${method === 'POST' ? id : ''}`) this.#right();
        else tally.wrong.push(`${method} ${id}: ${response.statusCode} ${body.slice(0, 200)}`);
        count(by, response.headers['x-served-by']);
        count(revisions, response.headers['x-revision']);
        return;
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        this.#look();
        if (code === 'ECONNRESET' && (error as Failure).reused && performance.now() - this.#stoodStill < idleLimit.rememberedMs) {
          tally.late++;
          // Whether a POST was carried out nobody knows.
          if (method === 'GET') continue;
          return;
        }
        if (!this.#options.patient || code !== 'ECONNREFUSED' || this.#stopped) {
          tally.wrong.push(`${method} ${id}: ${message}`);
          return;
        }
        await pause(10);
      }
    }
  }

  /** Whether this process was kept from running. */
  #look(): void {
    const now = performance.now();
    if (now - this.#lastLook > lookMs + idleLimit.ms) this.#stoodStill = now;
    this.#lastLook = now;
  }

  #right(): void {
    const now = performance.now();
    this.tally.right++;
    this.tally.longestGapMs = Math.max(this.tally.longestGapMs, now - this.#lastRight);
    this.#lastRight = now;
  }

  #exchange(method: string, id: string): Promise<{ response: IncomingMessage; body: string }> {
    const { host } = this.#options;
    return new Promise((resolve, reject) => {
      const headers = host === undefined ? {} : { host };
      const sent = request(`http://${this.#address}${this.#path}${id}`, { agent: this.#agent, method, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.once('end', () => resolve({ response, body: text }));
        response.once('error', reject);
        response.once('aborted', () => reject(new Error('the response broke off')));
      });
      sent.once('error', (error: Failure) => {
        error.reused = sent.reusedSocket;
        reject(error);
      });
      sent.end(method === 'POST' ? id : undefined);
    });
  }
}

/** Before any of an answer came. */
interface Failure extends NodeJS.ErrnoException {
  /** Whether its connection had carried a request before. */
  reused?: boolean;
}

function count(counts: Map<string, number>, key: string | string[] | undefined): void {
  const name = String(key ?? 'none');
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
