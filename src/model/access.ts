/** What a caller has proved to be by its token: `admin` may do everything, `join` may only register servers. */
export type Access = 'admin' | 'join';
