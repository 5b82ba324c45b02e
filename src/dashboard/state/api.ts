import type { Problem } from '../../api/problem.ts';
import { sessionField } from '../../api/session.ts';
import { sessionKey } from './session-key.ts';

/** An error answer of the admin API or, with status 0, no answer at all. */
export class ApiError extends Error {
  readonly status: number;
  readonly faults: NonNullable<Problem['errors']>;
  /** Seconds to wait before the next attempt; 0 if the answer does not say. */
  readonly retryAfter: number;

  constructor(status: number, problem: Partial<Problem>, retryAfter = 0) {
    super(problem.detail ?? (status === 0 ? 'The balancer does not answer' : `The balancer answered with status ${status}`));
    this.status = status;
    this.faults = problem.errors ?? [];
    this.retryAfter = retryAfter;
  }

  /** True if the object has changed since this page read it, so that the change was not made (412). */
  get isStale(): boolean {
    return this.status === 412;
  }
}

/** Header fields of a change that is made only if the object still has this entity tag. */
export function onlyIf(etag: string | undefined): Record<string, string> {
  return etag === undefined ? {} : { 'if-match': etag };
}

/** The lines to show for an error: every fault with its place, or else the message. */
export function describeApiError({ message, faults, isStale }: ApiError): string[] {
  if (isStale) return [`Nothing was changed, because this page showed an earlier state: ${message}`];
  if (faults.length === 0) return [message];
  return faults.map(
    ({ path, line, message: what }) => `${line === undefined ? '' : `Line ${line}: `}${path === '' ? '' : `${path}: `}${what}`,
  );
}

/** The content of a request: `body`, sent as JSON, or `text`. */
export interface RequestContent {
  readonly body?: unknown;
  /** YAML or JSON, sent unchanged. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer with its entity tag; undefined: the object has none. */
export interface Tagged<Answer> {
  readonly answer: Answer;
  readonly etag: string | undefined;
}

/** Calls the admin API with the session's key; the browser adds its cookie. Rejects with an {@link ApiError} unless the answer is 2xx. */
export async function call<Answer>(method: string, path: string, content: RequestContent = {}): Promise<Answer> {
  return (await callTagged<Answer>(method, path, content)).answer;
}

/** The same as {@link call}, with the entity tag of the answer. */
export async function callTagged<Answer>(
  method: string,
  path: string,
  { body, text, headers }: RequestContent = {},
): Promise<Tagged<Answer>> {
  const content = text ?? (body === undefined ? undefined : JSON.stringify(body));
  const type = text === undefined ? 'application/json' : 'application/yaml';
  const response = await fetch(path, {
    method,
    headers: {
      ...(sessionKey() !== '' && { [sessionField]: sessionKey() }),
      ...(content !== undefined && { 'content-type': type }),
      ...headers,
    },
    ...(content !== undefined && { body: content }),
  }).catch(() => {
    throw new ApiError(0, {});
  });
  const answer = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true && answer !== '';
  if (!response.ok) {
    const problem = (isJson ? JSON.parse(answer) : {}) as Partial<Problem>;
    // Line numbers help only if the user wrote the text.
    if (text === undefined) problem.errors = problem.errors?.map(({ path, message }) => ({ path, message }));
    throw new ApiError(response.status, problem, Number(response.headers.get('retry-after') ?? 0));
  }
  return { answer: (isJson ? JSON.parse(answer) : undefined) as Answer, etag: response.headers.get('etag') ?? undefined };
}

/** A path made of segments, each escaped: `pathOf('v1', 'servers', id)`. */
export function pathOf(...segments: readonly (string | number)[]): string {
  return `/${segments.map((segment) => encodeURIComponent(segment)).join('/')}`;
}
