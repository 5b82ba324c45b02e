import type { FeedMessage } from '../../api/feed-messages.ts';

const shortestWaitMs = 500;
const longestWaitMs = 5000;
/** Milliseconds without a word after which the connection counts as broken: traffic is told once a second. */
const silentMs = 10_000;

/** What a reader of the live feed is told. */
export interface FeedReader {
  /** The connection is open: what was missed must be read again. */
  opened(): void;
  heard(message: FeedMessage): void;
  /** The connection is gone; answers whether to try again. */
  lost(): Promise<boolean>;
}

/** Reads `/v1/events`, and connects again whenever that ends. Answers how to stop. */
export function readFeed(reader: FeedReader): () => void {
  let socket: WebSocket | undefined;
  let stopped = false;
  let waitMs = shortestWaitMs;
  let heardAt = 0;
  const connect = () => {
    if (stopped) return;
    const own = new WebSocket(`${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/v1/events`);
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
  /** A broken connection may take minutes to say so itself: whoever notices first gives it up. */
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
