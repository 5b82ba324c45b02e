import type { FeedMessage } from '../control/feed-messages.ts';

const shortestWaitMs = 500;
const longestWaitMs = 5000;

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
  const connect = () => {
    if (stopped) return;
    socket = new WebSocket(`${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/v1/events`);
    socket.onopen = () => {
      waitMs = shortestWaitMs;
      reader.opened();
    };
    socket.onmessage = ({ data }) => reader.heard(JSON.parse(data) as FeedMessage);
    socket.onclose = async () => {
      if (stopped || !(await reader.lost())) return;
      setTimeout(connect, waitMs);
      waitMs = Math.min(longestWaitMs, waitMs * 2);
    };
  };
  connect();
  return () => {
    stopped = true;
    socket?.close();
  };
}
