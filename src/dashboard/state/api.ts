import type { Problem } from '../../api/problem.ts';

/** A refusal of the admin API, or (status 0) no answer at all. */
export class Refusal extends Error {
  readonly status: number;
  readonly faults: NonNullable<Problem['errors']>;
  /** Seconds after which it may be tried again; 0: not said. */
  readonly retryAfter: number;

  constructor(status: number, problem: Partial<Problem>, retryAfter = 0) {
    super(problem.detail ?? (status === 0 ? 'The balancer does not answer' : `The balancer answered with status ${status}`));
    this.status = status;
    this.faults = problem.errors ?? [];
    this.retryAfter = retryAfter;
  }
}

/** A refusal as people read it: every fault with its place, else what was said of the whole. */
export function describeRefusal({ message, faults }: Refusal): string[] {
  if (faults.length === 0) return [message];
  return faults.map(
    ({ path, line, message: what }) => `${line === undefined ? '' : `Line ${line}: `}${path === '' ? '' : `${path}: `}${what}`,
  );
}

/** What is sent beside method and path. */
export interface Sent {
  readonly body?: unknown;
  /** As it stands, YAML or JSON. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Calls the admin API by the session's cookie. Rejects with a {@link Refusal} unless it answers 2xx. */
export async function call<Answer>(method: string, path: string, { body, text, headers }: Sent = {}): Promise<Answer> {
  const content = text ?? (body === undefined ? undefined : JSON.stringify(body));
  const type = text === undefined ? 'application/json' : 'application/yaml';
  const response = await fetch(path, {
    method,
    headers: { ...(content !== undefined && { 'content-type': type }), ...headers },
    ...(content !== undefined && { body: content }),
  }).catch(() => {
    throw new Refusal(0, {});
  });
  const answer = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true && answer !== '';
  if (!response.ok) {
    const problem = (isJson ? JSON.parse(answer) : {}) as Partial<Problem>;
    // Lines are of use to those who wrote them.
    if (text === undefined) problem.errors = problem.errors?.map(({ path, message }) => ({ path, message }));
    throw new Refusal(response.status, problem, Number(response.headers.get('retry-after') ?? 0));
  }
  return (isJson ? JSON.parse(answer) : undefined) as Answer;
}

/** A path of names, each made safe: `pathOf('v1', 'servers', id)`. */
export function pathOf(...names: readonly (string | number)[]): string {
  return `/${names.map((name) => encodeURIComponent(name)).join('/')}`;
}
