import type { FeedMessage } from '../../api/feed-messages.ts';
import { feedProtocol, sessionProtocol } from '../../api/session.ts';
import { sessionKey } from './session-key.ts';

const shortestWaitMs = 500;
const longestWaitMs = 5000;
/** Milliseconds without a message after which the connection counts as broken: the balancer sends traffic once a second. */
const silentMs = 10_000;

/** Callbacks for {@link readLiveFeed}. */
export interface FeedReader {
  /** The connection is open. Messages of the time before were missed, so the state must be read from the API again. */
  opened(): void;
  heard(message: FeedMessage): void;
  /** The connection was lost. Resolves with true if the feed should reconnect. */
  lost(): Promise<boolean>;
}

/** Reads `/v1/events`, and reconnects after every loss. Returns a function that stops it. */
export function readLiveFeed(reader: FeedReader): () => void {
  let socket: WebSocket | undefined;
  let stopped = false;
  let waitMs = shortestWaitMs;
  let heardAt = 0;
  const connect = () => {
    if (stopped) return;
    const own = new WebSocket(`${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/v1/events`, [
      feedProtocol,
      `${sessionProtocol}${sessionKey()}`,
    ]);
    socket = own;
    heardAt = performance.now();
    own.onopen = () => {
      waitMs = shortestWaitMs;
      reader.opened();
    };
    own.onmessage = ({ data }) => {
      if (own !== socket) return;
      heardAt = performance.now();
      reader.heard(JSON.parse(data) as FeedMessage);
    };
    own.onclose = () => void ended(own);
  };
  /** Gives a connection up, on its close event or after silence: on a broken network the close event may take minutes. */
  const ended = async (own: WebSocket) => {
    if (own !== socket || stopped) return;
    socket = undefined;
    own.close();
    if (!(await reader.lost())) return;
    setTimeout(connect, waitMs);
    waitMs = Math.min(longestWaitMs, waitMs * 2);
  };
  const watch = setInterval(() => {
    if (socket !== undefined && performance.now() - heardAt > silentMs) void ended(socket);
  }, 2000);
  connect();
  return () => {
    stopped = true;
    clearInterval(watch);
    socket?.close();
  };
}
