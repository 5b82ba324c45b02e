/** One error in some input: where it is, what is wrong, and what to do about it. */
export interface Fault {
  /** Dotted path into the document, for example `environments.production.listen`; empty for the document as a whole. */
  path: string;
  /** Line in the source text, from 1; absent if the input was not a text. */
  line?: number;
  /** One sentence: the error, and what would be right. */
  message: string;
}

/**
 * Stable codes of all refusals, each with its HTTP status in the admin API.
 * Clients branch on `code`; the text of `message` may change.
 */
export const statusOf = {
  invalid: 422,
  malformed: 400,
  'not-found': 404,
  conflict: 409,
  'not-empty': 409,
  'in-use': 409,
  'base-path-taken': 409,
  'version-mismatch': 412,
  unauthorized: 401,
  forbidden: 403,
  'too-large': 413,
  throttled: 429,
  unavailable: 503,
  internal: 500,
} as const;

export type ErrorCode = keyof typeof statusOf;

/** A refusal, whose message says to the caller what happened and what to do. */
export class SluiceError extends Error {
  readonly code: ErrorCode;
  readonly faults: readonly Fault[];

  constructor(code: ErrorCode, message: string, options: { faults?: readonly Fault[]; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SluiceError';
    this.code = code;
    this.faults = options.faults ?? [];
  }

  get status(): number {
    return statusOf[this.code];
  }
}
