import type { PolicyAnswer, PolicyContext } from './contract.ts';

/** The reason for which a policy refuses a request. */
export interface Refusal {
  readonly status: number;
  /** Stable, for programs. */
  readonly code: string;
  /** For people: what happened. Holds nothing secret. */
  readonly title: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** More members of the problem, such as one entry a fault. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** The answer of a policy that refuses a request: problem+json (RFC 9457), which no cache keeps. */
export function refuse({ requestId }: Pick<PolicyContext, 'requestId'>, { status, code, title, headers, members }: Refusal): PolicyAnswer {
  return {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
    refuses: true,
    body: `${JSON.stringify({ type: 'about:blank', title, status, code, requestId, ...members })}\n`,
  };
}

/** A consumer that is not found could be known a moment later. */
export const consumersUnknown: Refusal = {
  status: 503,
  code: 'consumers-unknown',
  title: 'This server has not read the consumers yet',
  headers: { 'retry-after': '1' },
};
