import type { WebSocket } from 'ws';
import type { News } from '../../model/news.ts';
import type { EndpointFrame } from './frames.ts';

/** Unsent bytes beyond which news waits, coalesced, until the peer has read. */
const newsWaitsBytes = 64 * 1024;
/** Items of news that may wait; more become one `resync`, which means the same: read everything again. */
const maxWaiting = 1000;

/**
 * Frames to one peer. Node keeps in memory what a peer does not read; beyond `maxUnsent` bytes the connection is terminated at the next
 * answer, so that a peer holds at most that and one answer.
 */
export class Outgoing {
  readonly #socket: WebSocket;
  readonly #maxUnsent: number;
  readonly #onOverflow: () => void;
  /** News that waits, the newest of each object. */
  readonly #waiting = new Map<string, News>();

  constructor(socket: WebSocket, maxUnsent: number, onOverflow: () => void) {
    this.#socket = socket;
    this.#maxUnsent = maxUnsent;
    this.#onOverflow = onOverflow;
  }

  /** Bytes that the peer has not read yet. */
  get unsent(): number {
    return this.#socket.bufferedAmount;
  }

  answer(text: string): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.unsent > this.#maxUnsent) this.#onOverflow();
    else this.#send(text);
  }

  news(news: News): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.unsent <= newsWaitsBytes) {
      this.#send(JSON.stringify({ news } satisfies EndpointFrame));
      return;
    }
    if (this.#waiting.has('resync')) return;
    if (news.kind === 'resync' || this.#waiting.size >= maxWaiting) {
      this.#waiting.clear();
      this.#waiting.set('resync', { kind: 'resync' });
    } else this.#waiting.set(`${news.kind} ${news.name}`, news);
  }

  #send(text: string): void {
    this.#socket.send(text, () => this.#flush());
  }

  #flush(): void {
    if (this.#waiting.size === 0 || this.unsent > newsWaitsBytes) return;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const news of waiting) this.news(news);
  }
}
