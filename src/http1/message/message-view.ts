import type { FieldNames } from './field-name.ts';

/** The header fields of a message. Names are case-insensitive; values are Latin-1 text, decoded only on request. */
export interface HeaderFields {
  /** All values of the field joined by `, ` (RFC 9110 section 5.3), or undefined if the field is missing. */
  get(name: string): string | undefined;
  /** The value of each line with that name, in order. Needed for `Set-Cookie`, whose values must not be joined. */
  all(name: string): string[];
  /**
   * Replaces all lines with that name by one. Throws a TypeError on an invalid name or value.
   * @param checked true: the caller has made sure that the value is valid, once for many requests. Default false.
   */
  set(name: string, value: string, checked?: boolean): void;
  /** Appends a line. Throws a TypeError on an invalid name or value. */
  add(name: string, value: string): void;
  remove(name: string): void;
  removeAll(names: FieldNames): void;
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
  /** The target contains no dot, percent sign, semicolon or backslash. Known from parsing, so that the target need not be scanned again. */
  readonly plain: boolean;
  /** Host and port as the client named them, in lower case. */
  readonly authority: string;
  readonly headers: HeaderFields;
  /** The client's certificate as Client-Cert tells it (RFC 9440); undefined: none was shown, or a stranger claims it. */
  readonly clientCertificate?: string | undefined;
}

/** A response as roles and policies see it, before its head is sent. */
export interface ResponseView {
  readonly status: number;
  readonly headers: HeaderFields;
}
