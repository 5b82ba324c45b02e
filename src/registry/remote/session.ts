import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { check } from '../../config/check.ts';
import { describeFault } from '../../config/refusal.ts';
import type { Grant } from '../../model/access.ts';
import { SluiceError } from '../../model/fault.ts';
import type { Log } from '../../model/log.ts';
import { concerns, type News } from '../../model/news.ts';
import type { Caller, Registry } from '../contract.ts';
import { answerText } from './answer-text.ts';
import { type ClientFrame, decodeClientFrame, errorFrame } from './frames.ts';
import type { JoinRefusals } from './join-refusals.ts';
import { isMethod, methods } from './methods.ts';
import { Outgoing } from './outgoing.ts';
import { pacedCall } from './paced-call.ts';
import type { ReaderSlots } from './reader-slots.ts';
import { forbidden, SessionScope } from './session-scope.ts';
import { SessionWatch } from './session-watch.ts';

/** Maximum number of concurrent calls of a peer, and bytes of their frames; more are refused. A gateway makes one or two at a time. */
const maxCalls = { join: 16, admin: 64 } as const;
const maxCallBytes = { join: 2 * 1024 * 1024, admin: 64 * 1024 * 1024 } as const;
/** Unsent bytes for a slow peer, beyond which its connection is terminated at the next answer. When it reconnects it reads everything again. */
const maxUnsentBytes = { join: 4 * 1024 * 1024, admin: 64 * 1024 * 1024 } as const;
/** WebSocket close code: the peer violated the protocol's rules (RFC 6455 section 7.4.1). */
const policyViolation = 1008;

/** Dependencies of a {@link Session}. */
export interface SessionParts {
  readonly socket: WebSocket;
  /** The connection under the WebSocket. */
  readonly under: Duplex;
  readonly registry: Registry;
  readonly grant: Grant;
  /** The `Authorization` field that the peer sent: its token may become invalid. */
  readonly authorization: string | undefined;
  readonly caller: Caller;
  /** Resolves when the endpoint's own watch can no longer miss a change. */
  readonly watching: Promise<void>;
  readonly refusals: JoinRefusals;
  /** The slots of all gateways that read much at present. */
  readonly slots: ReaderSlots;
  readonly logger: Log;
}

/** Connection of one peer to a registration endpoint, with what its token allows. */
export class Session {
  readonly #parts: SessionParts;
  readonly #outgoing: Outgoing;
  readonly #watch: SessionWatch;
  /** Absent for an admin. */
  readonly #scope: SessionScope | undefined;
  #calls = 0;
  #callBytes = 0;
  #watched: { readonly server: string | undefined; readonly callers: boolean; readonly purges: boolean } | undefined;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    const { socket, under, grant, registry, caller } = parts;
    this.#outgoing = new Outgoing(socket, maxUnsentBytes[grant.access], () => this.cutOff('slow', 'it does not read what it is sent'));
    this.#watch = new SessionWatch(socket, under);
    if (grant.access === 'join') this.#scope = new SessionScope(registry, caller);
    socket.on('close', () => parts.slots.end(this));
    socket.on('message', (data, isBinary) => this.#receive(isBinary ? '' : data.toString()));
  }

  get grant(): Grant {
    return this.#parts.grant;
  }

  get authorization(): string | undefined {
    return this.#parts.authorization;
  }

  /** Address of the client. */
  get address(): string {
    return this.#parts.caller.address;
  }

  get watch(): SessionWatch {
    return this.#watch;
  }

  /** Sends news if the peer watches and it concerns the peer. */
  tell(news: News): void {
    if (this.#watched === undefined) return;
    const { server, callers, purges } = this.#watched;
    if (news.kind === 'purge' && !purges) return;
    if (news.kind === 'callers') {
      if (callers) this.#outgoing.news(news);
      return;
    }
    if (this.#scope === undefined ? concerns(news, server) : server !== undefined && this.#scope.hears(news, server))
      this.#outgoing.news(news);
  }

  /** Closes the connection with the reason. */
  close(reason: string): void {
    this.#parts.socket.close(policyViolation, reason);
  }

  /** Terminates the connection at once: the peer would not read a reason. */
  cutOff(kind: 'slow' | 'frame', reason: string): void {
    const { refusals, socket, caller, grant } = this.#parts;
    const who = this.#scope?.id === undefined ? 'a peer of the registration endpoint' : `server "${this.#scope.id}"`;
    refusals.note(kind, caller.address, `the connection of ${who} is cut: ${reason}`, grant.token);
    socket.terminate();
  }

  #receive(text: string): void {
    const { access } = this.grant;
    // Frames that arrive after the connection was closed for a reason: the closing handshake is under way.
    if (this.#parts.socket.readyState !== this.#parts.socket.OPEN) return;
    const frame = decodeClientFrame(text);
    if (!frame) {
      this.#parts.refusals.note('frame', this.address, `a frame of ${text.length} characters is not a call`, this.grant.token);
      this.close('not a call');
    } else if (this.#calls >= maxCalls[access] || this.#callBytes + text.length > maxCallBytes[access]) {
      const most = this.#calls >= maxCalls[access] ? `${maxCalls[access]} calls` : `${maxCallBytes[access]} bytes of calls`;
      this.#refuse(frame.call, new SluiceError('unavailable', `more than ${most} at a time: wait for answers`));
    } else void this.#serve(frame, text.length);
  }

  async #serve(frame: ClientFrame, bytes: number): Promise<void> {
    this.#calls++;
    this.#callBytes += bytes;
    try {
      this.#outgoing.answer(await this.#answer(frame));
    } catch (error) {
      if (!(error instanceof SluiceError)) this.#parts.logger.error({ err: error }, 'a call at the registration endpoint failed');
      else if (this.#scope !== undefined) this.#parts.refusals.noteError(error, this.address, this.grant.token);
      this.#refuse(frame.call, error);
    } finally {
      this.#calls--;
      this.#callBytes -= bytes;
      this.#parts.slots.answered(this);
      const missed = this.#scope?.takeMissed();
      if (missed !== undefined) this.tell(missed);
    }
  }

  #refuse(call: number, error: unknown): void {
    this.#outgoing.answer(JSON.stringify(errorFrame(call, error)));
  }

  /** Resolves to the text of the answer's frame. */
  async #answer(frame: ClientFrame): Promise<string> {
    const { call } = frame;
    if ('watch' in frame) {
      const { server, callers = false, purges = false } = frame.watch;
      this.#scope?.admitWatch(server);
      // An admin that asks for the news of two servers, or of one and of all, gets all news.
      const both = this.#scope === undefined && this.#watched !== undefined && this.#watched.server !== server;
      this.#watched = { server: both ? undefined : server, callers, purges };
      await this.#parts.watching;
      return JSON.stringify({ call });
    }
    return answerText(frame.method, { call, result: await this.#call(frame.method, frame.params) });
  }

  async #call(name: string, given: unknown): Promise<unknown> {
    if (!isMethod(name))
      throw new SluiceError('invalid', `the registration endpoint has no such method; known: ${Object.keys(methods).join(', ')}`);
    const method = methods[name];
    if (method.access === 'admin' && this.#scope !== undefined) throw forbidden(`may not call ${name}`);
    const { value, faults } = check(given, method.params);
    if (faults) throw new SluiceError('invalid', `${name}: ${faults.map((fault) => describeFault(fault)).join('; ')}`, { faults });
    const call = (params: unknown, caller?: Caller): Promise<unknown> => method.call(this.#parts.registry, params as never, caller);
    if (this.#scope === undefined) return call(value);
    await this.#scope.admit(name, value);
    const scope = this.#scope;
    return pacedCall(this.#parts.slots, this, { name, params: value, call: () => scope.call(name, value, call) });
  }
}
