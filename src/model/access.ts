/** Access that a token gives: `admin` to everything, `join` only to registering servers. */
export type Access = 'admin' | 'join';

/** The rights of one token: its access, for a token of `control.tokens.joinFor` limited to one environment. */
export interface Grant {
  readonly access: Access;
  /** The only environment that the holder's servers may be in; absent: any. */
  readonly environment?: string;
  /** Name of the token as configured, for people; never the token itself. */
  readonly token?: string;
}
