const storage = 'sluice-session-key';
/** Milliseconds to wait for a key from another tab; it answers within a few. */
const askMs = 200;

/** Channel between the tabs of this origin. Pages on other ports of the host have other origins and hear nothing of it. */
const channel = new BroadcastChannel(storage);

/** A tab asks the others for their key, or tells them its own. */
interface Message {
  readonly key?: string;
}

channel.addEventListener('message', ({ data: { key } }: MessageEvent<Message>) => {
  if (key !== undefined) sessionStorage.setItem(storage, key);
  else if (sessionKey() !== '') channel.postMessage({ key: sessionKey() });
});

/**
 * Key of the session, which gives access together with the browser's cookie; empty: none. The browser keeps it for this tab and this origin,
 * so that services on other ports of the host, which get the cookie, do not get the key.
 */
export function sessionKey(): string {
  return sessionStorage.getItem(storage) ?? '';
}

/** Keeps the key of a session that has begun. Other tabs take it over, since the browser's one cookie now belongs to it. */
export function keepSessionKey(key: string): void {
  sessionStorage.setItem(storage, key);
  channel.postMessage({ key });
}

export function forgetSessionKey(): void {
  sessionStorage.removeItem(storage);
}

/** Asks the other tabs for their key, if this tab has none. Resolves when it has one, or when none has answered in time. */
export function inheritSessionKey(): Promise<void> {
  if (sessionKey() !== '') return Promise.resolve();
  return new Promise((resolve) => {
    channel.addEventListener('message', () => resolve(), { once: true });
    setTimeout(resolve, askMs);
    channel.postMessage({});
  });
}
