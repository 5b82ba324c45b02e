import type { ResponseSink, UpstreamConnection } from '../http1/connection/response-sink.ts';
import type { InProcessListener } from './in-process-listener.ts';
import type { UpstreamPool } from './upstream-pool.ts';

/** In place of connections: the ways to a role in this process. Each carries one exchange, and none is kept. */
export class PassagePool implements UpstreamPool {
  idleMs = 0;
  ageMs = 0;
  introduction: UpstreamPool['introduction'];
  readonly open = 0;
  readonly idle = 0;
  readonly connects = 0;
  readonly reuses = 0;
  readonly #listener: InProcessListener;

  constructor(listener: InProcessListener) {
    this.#listener = listener;
  }

  take(): UpstreamConnection | undefined {
    return this.#listener.open();
  }

  /** Called when there is no way any more: fails as a connection does that is refused. */
  connect(sink: ResponseSink): UpstreamConnection {
    return this.#listener.refuse(sink);
  }

  doubt(): void {}

  retire(): void {}

  revive(): void {}
}
