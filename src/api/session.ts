/** Request field with the key of a session. The page sends it beside the cookie, which alone gives no access. */
export const sessionField = 'sluice-session-key';
/** Subprotocol of the live feed. The balancer chooses it, so that its answer does not repeat the session's key. */
export const feedProtocol = 'sluice-feed';
/** A WebSocket of a page cannot send fields: it offers the key as a further subprotocol, after this prefix. */
export const sessionProtocol = `${sessionField}.`;
