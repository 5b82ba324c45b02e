/**
 * Beginning of the names of Sluice's own cookies, which hold sessions of the dashboard. Browsers also send them to other ports of the same
 * host, listeners among them; the data plane passes them on in neither direction.
 */
export const ownCookiePrefix = 'sluice-session-';
