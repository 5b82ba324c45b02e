import { faultField, peerShort } from '../../model/shortage.ts';
import { ResponseHead } from '../message/response-head.ts';
import { parseResponseHead } from '../message/response-parser.ts';
import { cutOff, type Receiver, type Wire } from './wire.ts';

/**
 * A question that a new connection asks before it carries a request, so that no request reaches a process that has taken over the
 * address of the expected one. A connection never changes its peer, so that asking once is enough.
 */
export interface Introduction {
  /** A HEAD request: its answer has no body. */
  readonly request: Buffer;
  /** Reads the answer: undefined if the peer is the expected one, else why it is not. */
  readonly refuse: (head: ResponseHead) => string | undefined;
}

const limits = { headBytes: 8 * 1024, targetBytes: 0, fields: 64 };

/** Collects the answer to an {@link Introduction}. */
class Answer {
  readonly #introduction: Introduction;
  readonly #head = new ResponseHead(limits.fields);
  #held: Buffer | undefined;

  constructor(introduction: Introduction) {
    this.#introduction = introduction;
  }

  /** Takes octets of the answer, which it copies if the head is incomplete. Returns `more`, `accepted`, or why the peer is refused. */
  take(octets: Buffer): 'more' | 'accepted' | { readonly refused: string; readonly code?: string } {
    const all = this.#held === undefined ? octets : Buffer.concat([this.#held, octets]);
    const consumed = parseResponseHead(this.#head, all, 0, all.length, limits);
    if (consumed === 0) {
      this.#held = Buffer.from(all);
      return 'more';
    }
    if (consumed < 0) return { refused: `not the server that registered: ${this.#head.fault?.title ?? 'its answer is not HTTP/1'}` };
    if (this.#head.status === 503 && this.#head.fields.get(faultField) === 'shortage')
      return { refused: 'it has as many connections as it may have', code: peerShort };
    const refused = this.#introduction.refuse(this.#head);
    if (refused !== undefined) return { refused };
    if (consumed < all.length || !this.#head.keepAlive) return { refused: 'it closes the connection, or sends more than was asked for' };
    return 'accepted';
  }
}

/** Introduces a new wire to its peer. Until the peer is accepted, `receiver` hears only of the connection's end. */
export function introduceWire(wire: Wire, introduction: Introduction, receiver: Receiver, accepted: () => void): void {
  const answer = new Answer(introduction);
  wire.receiver = {
    octets(buffer, start, end) {
      const taken = answer.take(buffer.subarray(start, end));
      if (taken === 'more') return;
      wire.receiver = receiver;
      if (taken === 'accepted') accepted();
      else wire.destroy(Object.assign(new Error(taken.refused), { code: taken.code }));
    },
    eof: () => wire.destroy(cutOff('closed before it said who it is')),
    drained() {},
    closed: (error) => receiver.closed(error),
    crashed: (error) => receiver.crashed(error),
  };
  wire.send(introduction.request);
}
