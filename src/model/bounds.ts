/** Bounds that schemas, the command line and the dashboard's forms share. This file has no imports: the dashboard's bundle stays small. */

export const maxPort = 65_535;

/** Greatest weight of a server or of one URL of a target. */
export const maxWeight = 65_535;

/** Greatest value of a limit, a quota or a burst: its millionths are exact integers in Lua and JavaScript. */
export const mostRequests = 1_000_000_000;

/** Regular expression of a {@link name}, as the `pattern` attribute of a form takes it. */
export const namePattern = '[A-Za-z0-9][A-Za-z0-9._\\-]{0,62}';
