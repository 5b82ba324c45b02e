/** Target and Host for one upstream, instead of the received ones. */
export interface Rewrite {
  readonly target: string;
  readonly host: string;
  /** The line of Host, from {@link hostLine}. */
  readonly hostLine: Buffer;
}

/** The line of Host, to be made once for many requests. */
export function hostLine(host: string): Buffer {
  return Buffer.from(`Host: ${host}\r\n`, 'latin1');
}
