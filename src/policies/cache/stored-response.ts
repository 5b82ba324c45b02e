import type { HeaderFields } from '../../http1/message/message-view.ts';
import type { Directives } from './directives.ts';
import type { Freshness } from './freshness.ts';

/** Fields of answers, in lower case: a value a line. */
export type Lines = Readonly<Record<string, readonly string[]>>;

/** A response that was stored. What was stored is never changed: what updates it takes its place. */
export interface StoredResponse {
  readonly status: number;
  readonly lines: Lines;
  readonly body: Buffer;
  readonly directives: Directives;
  readonly freshness: Freshness;
  /** Time at which its head came. */
  readonly receivedAt: number;
  /** Names of the request fields that it depends on, and their values in its request. */
  readonly varying: readonly string[];
  readonly variant: string;
  readonly tags: readonly string[];
  /** The latest whole answer from it: within a second, they are all the same. */
  latest?: WholeAnswer;
}

/** An answer with everything that is stored, and what it tells besides. */
export interface WholeAnswer {
  /** The stored lines that it was made of: what updates the response has others. */
  readonly lines: Lines;
  readonly age: number;
  /** Parameters of Cache-Status. */
  readonly status: string;
  readonly answer: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string | readonly string[]>>;
    readonly body: Buffer;
  };
}

/** Fields that are not stored: of one hop, or written anew for each answer. */
const notStored: ReadonlySet<string> = new Set([
  'age',
  'cache-status',
  'cache-tag',
  'content-length',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'sluice-consumer',
  'sluice-fault',
  'sluice-home',
  'x-request-id',
]);

/** Fields of the stored response that a 304 does not replace: they belong to the octets of the body (RFC 9111 section 3.2). */
const ofBody: ReadonlySet<string> = new Set(['content-encoding', 'content-length', 'content-md5', 'content-range', 'etag']);

/** The fields of a response that are stored. */
export function linesOf(headers: HeaderFields): Lines {
  const lines: Record<string, string[]> = Object.create(null);
  for (const [name, value] of headers.entries()) {
    const lower = name.toLowerCase();
    if (notStored.has(lower)) continue;
    lines[lower] ??= [];
    (lines[lower] as string[]).push(value);
  }
  return copiable(lines);
}

/** The fields of a stored response after a 304 has confirmed it. */
export function updatedLines(stored: Lines, confirmed: Lines): Lines {
  const fresh = Object.entries(confirmed).filter(([name]) => !ofBody.has(name));
  return copiable({ ...stored, ...Object.fromEntries(fresh) });
}

/** The same lines as an object that V8 copies fast, as each answer does; one that was filled name by name is a hash table. */
function copiable(lines: Lines): Lines {
  return Object.fromEntries(Object.entries(lines));
}

/** Age in milliseconds (RFC 9111 section 4.2.3). */
export function ageOf({ freshness, receivedAt }: StoredResponse, now: number): number {
  return freshness.initialAge + Math.max(0, now - receivedAt);
}

/** Octets that the response takes, with what is kept about it. */
export function sizeOf({ lines, body, variant }: StoredResponse): number {
  let octets = body.length + variant.length + overhead;
  for (const [name, values] of Object.entries(lines)) for (const value of values) octets += name.length + value.length + overheadOfLine;
  return octets;
}

const overhead = 500;
const overheadOfLine = 50;
