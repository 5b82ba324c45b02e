/** Access that a token gives: `admin` to everything, `join` only to registering servers. */
export type Access = 'admin' | 'join';
