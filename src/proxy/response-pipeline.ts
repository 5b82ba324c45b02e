import type { BodyObserver, BodyStream } from '../http1/message/bodies.ts';

/** Receives a body. */
export interface BodyReceiver {
  data(buffer: Buffer, start: number, end: number): void;
  /** The body is complete. */
  end(): void;
}

/** Receives what leaves a pipeline. */
export interface PipelineOwner extends BodyReceiver {
  /** The first step takes octets again, after `pace` has stopped the upstream. */
  takesMore(): void;
  /** A body to be replaced is larger than allowed. */
  tooLarge(): void;
  /** A step failed, which is a bug. */
  crashed(error: unknown): void;
}

/** One step. It passes on what it makes to `next`. */
interface Step extends BodyReceiver {
  next: BodyReceiver;
  /** Nothing more comes, and nothing is passed on any more. */
  stop(): void;
}

/** The steps that a response's body passes, in order, on its way from the upstream to the client. */
export class ResponsePipeline implements BodyReceiver {
  /** The response's head waits until the body is complete. */
  holdsHead = false;
  /** That head without the lines about its framing, until it is sent. */
  heldHead: string | undefined;
  /** Sends another response in place of the upstream's, which has no body, once that has ended. */
  instead: (() => void) | undefined;
  /** The body leaves in one piece. */
  whole = false;
  /** Trailer fields as complete lines, once the upstream has sent its whole body. */
  trailers = '';
  /** The streams are flushed after each read of the upstream, because it may not send more for a long time. */
  flushes = false;
  /** The length of the body is not that of the upstream's. */
  resizes = false;
  /** The first stream has enough octets for now. */
  #full = false;
  readonly #owner: PipelineOwner;
  readonly #steps: Step[] = [];
  #lastStream: StreamStep | undefined;
  #stopped = false;

  constructor(owner: PipelineOwner) {
    this.#owner = owner;
  }

  /** A stream is among the steps: what leaves is not paced by the reads of the upstream. */
  get decoupled(): boolean {
    return this.#lastStream !== undefined;
  }

  observe(observer: BodyObserver): void {
    this.#add(new ObserverStep(observer, this.#owner));
  }

  transform(stream: BodyStream): void {
    const before = this.#lastStream;
    const source = before ?? { pause: () => this.#fill(true), resume: () => this.#fill(false) };
    this.#lastStream = new StreamStep(stream, source, this.#owner);
    this.#add(this.#lastStream);
    this.resizes = true;
    this.whole = false;
  }

  replace(most: number, change: (body: Buffer) => Buffer): void {
    this.#add(new ReplacingStep(most, change, this.#owner));
    this.resizes = true;
    this.whole = true;
    this.holdsHead = true;
  }

  data(buffer: Buffer, start: number, end: number): void {
    this.#steps[0]?.data(buffer, start, end);
  }

  end(): void {
    (this.#steps[0] ?? this.#owner).end();
  }

  /** Called when one read of the upstream has been passed on. Stops reading it while the first stream is full. */
  pace(upstream: { pause(): void } | undefined): void {
    if (this.#full) upstream?.pause();
    else if (this.flushes) for (const step of this.#steps) if (step instanceof StreamStep) step.flush();
  }

  /** Stops what leaves until `resume`; the streams pass that on to the upstream. */
  pause(): void {
    this.#lastStream?.pause();
  }

  resume(): void {
    this.#lastStream?.resume();
  }

  /** Ends all steps: the response has ended. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    for (const step of this.#steps) step.stop();
  }

  #add(step: Step): void {
    const last = this.#steps.at(-1);
    if (last !== undefined) last.next = step;
    this.#steps.push(step);
  }

  #fill(full: boolean): void {
    this.#full = full;
    if (!full && !this.#stopped) this.#owner.takesMore();
  }
}

/** Shows a body to an observer, and changes nothing. */
class ObserverStep implements Step {
  next: BodyReceiver;
  #observer: BodyObserver | undefined;

  constructor(observer: BodyObserver, next: BodyReceiver) {
    this.#observer = observer;
    this.next = next;
  }

  data(buffer: Buffer, start: number, end: number): void {
    this.#observer?.data(buffer, start, end);
    this.next.data(buffer, start, end);
  }

  end(): void {
    this.#ended(true);
    this.next.end();
  }

  stop(): void {
    this.#ended(false);
  }

  #ended(complete: boolean): void {
    const observer = this.#observer;
    this.#observer = undefined;
    observer?.ended(complete);
  }
}

/** Sends a body through a stream. */
class StreamStep implements Step {
  next: BodyReceiver;
  readonly #stream: BodyStream;
  readonly #source: { pause(): void; resume(): void };

  /** @param source what fills the stream, and is stopped while it is full */
  constructor(stream: BodyStream, source: { pause(): void; resume(): void }, owner: PipelineOwner) {
    this.next = owner;
    this.#stream = stream;
    this.#source = source;
    const guarded = (act: () => void) => {
      try {
        act();
      } catch (error) {
        owner.crashed(error);
      }
    };
    stream.on('data', (piece: Buffer) => guarded(() => this.next.data(piece, 0, piece.length)));
    stream.on('end', () => guarded(() => this.next.end()));
    stream.on('drain', () => guarded(() => source.resume()));
    stream.on('error', (error) => owner.crashed(error));
  }

  data(buffer: Buffer, start: number, end: number): void {
    if (!this.#stream.write(Buffer.from(buffer.subarray(start, end)))) this.#source.pause();
  }

  end(): void {
    this.#stream.end();
  }

  flush(): void {
    if (!this.#stream.writableEnded && !this.#stream.writableNeedDrain) this.#stream.flush?.();
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  stop(): void {
    this.#stream.removeAllListeners('data').removeAllListeners('end').removeAllListeners('drain');
    this.#stream.destroy();
  }
}

/** Collects a body, and passes on another one. */
class ReplacingStep implements Step {
  next: BodyReceiver;
  readonly #most: number;
  readonly #change: (body: Buffer) => Buffer;
  readonly #owner: PipelineOwner;
  #pieces: Buffer[] = [];
  #octets = 0;

  constructor(most: number, change: (body: Buffer) => Buffer, owner: PipelineOwner) {
    this.next = owner;
    this.#most = most;
    this.#change = change;
    this.#owner = owner;
  }

  data(buffer: Buffer, start: number, end: number): void {
    this.#octets += end - start;
    if (this.#octets > this.#most) {
      this.#pieces = [];
      this.#owner.tooLarge();
    } else this.#pieces.push(Buffer.from(buffer.subarray(start, end)));
  }

  end(): void {
    const body = this.#change(Buffer.concat(this.#pieces));
    this.#pieces = [];
    this.next.data(body, 0, body.length);
    this.next.end();
  }

  stop(): void {
    this.#pieces = [];
  }
}
