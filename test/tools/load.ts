import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Condition } from './condition.ts';
import { pause } from './pause.ts';

/** Counts of the requests that a load has sent so far. */
export interface LoadCounts {
  sent: number;
  /** Answered with 200 and exactly the body that was asked for. */
  right: number;
  /** One line for each request that was not, without those of `lost`. */
  readonly wrong: string[];
  /** One line for each request that an event of {@link Load.losing} lost. */
  readonly lost: string[];
  /** Answers by the server named in `x-served-by`. */
  by: Map<string, number>;
  /** Answers by `x-revision`. */
  revisions: Map<string, number>;
  /** Longest time between two right answers, over all clients, in milliseconds. */
  longestGapMs: number;
  /**
   * Requests that failed because this process itself had stood still, at once or in parts: the server closed a connection that the load had left
   * idle for too long. A server that ends need not wait for such a client (RFC 9112 section 9.5). GETs are sent again; a POST counts as neither
   * right nor wrong.
   */
  late: number;
  /** Answers over TLS on a connection that resumed a session. */
  resumed: number;
}

/** TLS of a load. */
export interface LoadTls {
  /** Authority to trust, in PEM. */
  readonly ca: string;
  readonly servername: string;
  /** Connections that are kept, or one for each request: with a whole handshake, or with a resumed session wherever that is possible. */
  readonly connections: 'kept' | 'new' | 'resumed';
}

export interface LoadOptions {
  /** Default 8. */
  readonly clients?: number;
  /** Milliseconds that each client rests after an answer. Default 0: the next request follows at once. */
  readonly restMs?: number;
  /** Value of Host; default: the address. */
  readonly host?: string;
  /** Retries while connections are refused instead of counting a failure, as a client of a restarting balancer must. Default false. */
  readonly patient?: boolean;
  /** Default: plain. */
  readonly tls?: LoadTls | undefined;
}

/**
 * Requests that an event may lose. `posts`: POSTs in flight, which must not be sent twice, one of each client. `any`: the event ends the clients' own
 * connections, so on each connection that was opened before its end, one request, even if its client sends it before it hears of that.
 */
export type Losable = 'posts' | 'any';

/** Bounds of what an event of {@link Load.losing} loses. */
export interface LossLimits {
  /** Responses of any method that the event may break off after their beginning: no other server can complete them. Default 0. */
  readonly brokenOff?: number;
}

/** An event that loses requests. */
interface Loss {
  readonly of: Losable;
  /** Undefined: it is under way. */
  endedAt?: number;
  /** Clients (`posts`) or connections (`any`) that have lost a request by it. */
  readonly losers: Set<number | Socket>;
  /** Responses that it may still break off. */
  brokenOff: number;
}

/**
 * A client that wants no request lost may leave a connection idle for `ms`. A standstill explains failures for `rememberedMs` after it, and so do
 * several short ones if a connection's last request was sent `betweenRequestsMs` before.
 */
const idleLimit = { ms: 250, rememberedMs: 2000, betweenRequestsMs: 450 };
const checkEveryMs = 25;

/** Message of a response that ended before it was complete. */
const brokenOff = 'the response broke off';

/** A constant load on one address. Each client sends its next request when its last one is answered; every body is checked. */
export class Load {
  readonly counts: LoadCounts = {
    sent: 0,
    right: 0,
    wrong: [],
    lost: [],
    by: new Map(),
    revisions: new Map(),
    longestGapMs: 0,
    late: 0,
    resumed: 0,
  };
  /** Each request goes to what it is by then. */
  address: string;
  readonly #path: string;
  readonly #options: LoadOptions;
  readonly #agent: http.Agent;
  readonly #clients: Promise<void>[] = [];
  readonly #answered = new Condition();
  readonly #losses: Loss[] = [];
  readonly #openedAt = new WeakMap<Socket, number>();
  readonly #lastSentAt = new WeakMap<Socket, number>();
  #lastRight = performance.now();
  #lastCheck = performance.now();
  #stoodStill = Number.NEGATIVE_INFINITY;
  readonly #checking = setInterval(() => this.#checkStandstill(), checkEveryMs);
  #stopped = false;

  /**
   * @param path `/base/`, and a letter if several loads share a target. Each request appends a number; the target must echo the last segment.
   */
  constructor(address: string, path: string, options: LoadOptions = {}) {
    this.address = address;
    this.#path = path;
    this.#options = options;
    this.#agent = agentFor(options.tls);
    for (let client = 0; client < (options.clients ?? 8); client++) this.#clients.push(this.#run(client));
  }

  /** Kind of its connections over TLS; undefined: they are plain. */
  get connections(): LoadTls['connections'] | undefined {
    return this.#options.tls?.connections;
  }

  /** Resolves when the counts satisfy `holds`, checked after every answer. */
  async until(holds: (counts: LoadCounts) => boolean): Promise<void> {
    await this.#until(`the load on ${this.address} to satisfy ${holds}`, holds);
  }

  /** Resolves after `answers` more answers. */
  async more(answers: number): Promise<void> {
    const answered = ({ right, wrong, lost }: LoadCounts) => right + wrong.length + lost.length;
    const goal = answered(this.counts) + answers;
    await this.#until(`${answers} more answers from ${this.address}`, (counts) => answered(counts) >= goal);
  }

  /** Runs an event that loses requests. A failed request that it may not lose is wrong. */
  async losing<Result>(of: Losable, event: () => Promise<Result>, { brokenOff = 0 }: LossLimits = {}): Promise<Result> {
    const loss: Loss = { of, losers: new Set(), brokenOff };
    this.#losses.push(loss);
    try {
      return await event();
    } finally {
      loss.endedAt = performance.now();
    }
  }

  /** Resets the counts by server and by revision. Answers to requests that are in flight count for the old ones. */
  recount(): void {
    this.counts.by = new Map();
    this.counts.revisions = new Map();
  }

  async stop(): Promise<LoadCounts> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    this.#agent.destroy();
    clearInterval(this.#checking);
    return this.counts;
  }

  async #until(what: string, holds: (counts: LoadCounts) => boolean): Promise<void> {
    const seen = () => ({ ...this.counts, wrong: this.counts.wrong.slice(-5) });
    await this.#answered.until(() => holds(this.counts), { what, seen });
  }

  async #run(client: number): Promise<void> {
    const { restMs = 0 } = this.#options;
    for (let number = 0; !this.#stopped; number++) {
      await this.#send(client, number % 4 === 3 ? 'POST' : 'GET', `${client}-${number}`);
      this.#answered.notify();
      if (restMs > 0) await pause(restMs);
    }
  }

  async #send(client: number, method: 'GET' | 'POST', id: string): Promise<void> {
    const { counts } = this;
    const begunAt = performance.now();
    const failed = (reason: string, connection?: Socket, brokeOff = false) => {
      const list = this.#isLost({ client, method, begunAt, connection, brokeOff }) ? counts.lost : counts.wrong;
      list.push(`${method} ${id}: ${reason}`);
    };
    const { by, revisions } = counts;
    const echoed = this.#path.slice(this.#path.lastIndexOf('/') + 1) + id;
    counts.sent++;
    for (;;) {
      try {
        const { response, body, connection } = await this.#exchange(method, id);
        if (response.statusCode === 200 && body === `${method} ${echoed} ${method === 'POST' ? id : ''}`) this.#right();
        else failed(`${response.statusCode} ${body.slice(0, 200)}`, connection);
        add(by, response.headers['x-served-by']);
        add(revisions, response.headers['x-revision']);
        return;
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        this.#checkStandstill();
        if (code === 'ECONNRESET' && this.#wasLate(error as Failure)) {
          counts.late++;
          // A POST may have been carried out.
          if (method === 'GET') continue;
          return;
        }
        if (!this.#options.patient || code !== 'ECONNREFUSED' || this.#stopped) {
          failed(message, (error as Failure).connection, code === 'ECONNRESET' || message === brokenOff);
          return;
        }
        await pause(10);
      }
    }
  }

  #isLost({ client, method, begunAt, connection, brokeOff }: Lost): boolean {
    const openedAt = connection && this.#openedAt.get(connection);
    for (const loss of this.#losses) {
      const { of, endedAt = Number.POSITIVE_INFINITY, losers } = loss;
      const [loser, since] = of === 'any' ? [connection, openedAt] : [method === 'POST' ? client : undefined, begunAt];
      if (loser !== undefined && since !== undefined && since <= endedAt && !losers.has(loser)) {
        losers.add(loser);
        return true;
      }
      if (brokeOff && loss.brokenOff > 0 && begunAt <= endedAt) {
        loss.brokenOff--;
        return true;
      }
    }
    return false;
  }

  #wasLate({ reused = false, sinceLastMs = 0 }: Failure): boolean {
    return reused && (performance.now() - this.#stoodStill < idleLimit.rememberedMs || sinceLastMs > idleLimit.betweenRequestsMs);
  }

  /** Notices that this process was kept from running: the last check is longer ago than the interval allows. */
  #checkStandstill(): void {
    const now = performance.now();
    if (now - this.#lastCheck > checkEveryMs + idleLimit.ms) this.#stoodStill = now;
    this.#lastCheck = now;
  }

  #right(): void {
    const now = performance.now();
    this.counts.right++;
    this.counts.longestGapMs = Math.max(this.counts.longestGapMs, now - this.#lastRight);
    this.#lastRight = now;
  }

  #exchange(method: string, id: string): Promise<{ response: IncomingMessage; body: string; connection: Socket }> {
    const { tls, host = tls?.servername } = this.#options;
    return new Promise((resolve, reject) => {
      const headers = host === undefined ? {} : { host };
      const options = { agent: this.#agent, method, headers, ...(tls && { ca: tls.ca, servername: tls.servername }) };
      const { request } = tls === undefined ? http : https;
      const sent = request(`${tls === undefined ? 'http' : 'https'}://${this.address}${this.#path}${id}`, options, (response) => {
        if (tls !== undefined && (response.socket as TLSSocket).isSessionReused()) this.counts.resumed++;
        const connection = response.socket;
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.once('end', () => resolve({ response, body: text, connection }));
        response.once('error', (error) => reject(Object.assign(error, { connection })));
        response.once('aborted', () => reject(Object.assign(new Error(brokenOff), { connection })));
      });
      let sinceLastMs = 0;
      sent.once('socket', (socket) => {
        const now = performance.now();
        if (!this.#openedAt.has(socket)) this.#openedAt.set(socket, now);
        sinceLastMs = now - (this.#lastSentAt.get(socket) ?? now);
        this.#lastSentAt.set(socket, now);
      });
      sent.once('error', (error: Failure) => {
        error.reused = sent.reusedSocket;
        error.sinceLastMs = sinceLastMs;
        if (sent.socket) error.connection = sent.socket;
        reject(error);
      });
      sent.end(method === 'POST' ? id : undefined);
    });
  }
}

/** A request that has failed. */
interface Lost {
  readonly client: number;
  readonly method: 'GET' | 'POST';
  readonly begunAt: number;
  readonly connection: Socket | undefined;
  /** Its response had begun, or its connection was reset, which drops what had come of the response. */
  readonly brokeOff: boolean;
}

function agentFor(tls: LoadTls | undefined): http.Agent {
  if (tls === undefined) return new http.Agent({ keepAlive: true });
  return new https.Agent({ keepAlive: tls.connections === 'kept', maxCachedSessions: tls.connections === 'resumed' ? 100 : 0 });
}

/** An error before any part of an answer came. */
interface Failure extends NodeJS.ErrnoException {
  /** The connection had carried a request before. */
  reused?: boolean;
  /** Milliseconds between the connection's last request and this one. */
  sinceLastMs?: number;
  connection?: Socket;
}

function add(counts: Map<string, number>, key: string | string[] | undefined): void {
  const name = String(key ?? 'none');
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
