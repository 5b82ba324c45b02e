/** A message's header fields; names in any case, values as Latin-1 text. Decoded only when asked for. */
export interface HeaderFields {
  /** All values of the field joined by `, ` (RFC 9110 section 5.3), or undefined if there is none. */
  get(name: string): string | undefined;
  /** One entry a field line, in order; for `Set-Cookie`, whose values must not be joined. */
  all(name: string): string[];
  /** Replaces every line of that name by one. Throws a TypeError on an invalid name or value. */
  set(name: string, value: string): void;
  /** Appends a line. Throws a TypeError on an invalid name or value. */
  add(name: string, value: string): void;
  remove(name: string): void;
  /** Every line in order, names as sent. */
  entries(): [name: string, value: string][];
}

/** A request as roles and policies see it: the fields and the target as they will be forwarded. */
export interface RequestView {
  readonly method: string;
  /** Origin-form target, `/path?query`, or `*`. */
  readonly target: string;
  /** `target` without its query. */
  readonly path: string;
  /** The target has neither dots nor percent signs: known without looking at it again. */
  readonly plain: boolean;
  /** Host and port as the client named them, in lower case. */
  readonly authority: string;
  readonly headers: HeaderFields;
}

/** A response as roles and policies see it, before its head is sent. */
export interface ResponseView {
  readonly status: number;
  readonly headers: HeaderFields;
}
