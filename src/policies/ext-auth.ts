import * as z from 'zod';
import { httpToken } from '../model/http-names.ts';
import { SparseWarning } from '../model/sparse-warning.ts';
import type { Decision, PolicyAnswer, PolicyContext, PolicyType } from './contract.ts';
import type { OutboundAnswer } from './outbound.ts';
import { type Refusal, refuse } from './refusal.ts';
import { authorities, patience, serviceUrl } from './service-settings.ts';
import { faultOfName } from './written-fields.ts';

/** Statuses of a decision that the client gets: refusals, and redirects to a login. */
const told: ReadonlySet<number> = new Set([301, 302, 303, 307, 308, 401, 403]);
/** Fields of a decision that belong to its connection or its framing (RFC 9110 section 7.6.1), or that Sluice writes itself. */
const kept: ReadonlySet<string> = new Set([
  ...[
    'connection',
    'keep-alive',
    'proxy-connection',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
    'content-length',
    'date',
    'x-request-id',
  ],
]);

const responseHeader = z.string().superRefine((name, context) => {
  const fault = faultOfName(name);
  if (fault !== undefined) context.addIssue(`${JSON.stringify(name)} ${fault}`);
});

const settings = z.strictObject({
  url: serviceUrl.meta({ description: 'URL of the service that decides. It gets GET without a body' }),
  ca: authorities,
  headers: z
    .array(z.string().regex(httpToken, 'must be a header field name'))
    .default(['authorization', 'cookie'])
    .meta({ description: "fields of the client's request that the service gets too" }),
  timeout: patience.prefault('5s').meta({ description: 'time until the service must have answered' }),
  onError: z.enum(['deny', 'allow']).default('deny').meta({
    description:
      'outcome if the service cannot be reached, is late, or answers with another status: `deny` (503), or `allow`, which lets the request pass unchecked',
  }),
  responseHeaders: z.array(responseHeader).default([]).meta({
    description:
      "fields of the service's answer that the target gets. They are removed from what the client sent, also if the service does not set them",
  }),
});

/**
 * Asks a service about each request: 2xx lets it pass; 401, 403 and redirects are given to the client. Anything else, and silence, is no decision:
 * then `onError` says what happens.
 */
export const extAuth: PolicyType<typeof settings> = {
  settings,
  points: ['proxyRequest'],
  *create({ url, ca, headers: named, timeout, onError, responseHeaders }, { services }) {
    yield;
    const { outbound } = services;
    const undecided = new SparseWarning(services.clock, {
      counted: 'requests',
      message: 'the service of a policy extAuth has made no decision',
    });
    undecided.log = services.logger;
    const pass = (context: PolicyContext, answer: OutboundAnswer | undefined): undefined => {
      const { request } = context;
      // The service may have told the target who calls, so that the answer is for this caller alone.
      context.caller ??= {};
      for (const name of responseHeaders) {
        request.headers.remove(name);
        const value = answer?.headers[name.toLowerCase()];
        for (const line of typeof value === 'string' ? [value] : (value ?? [])) request.headers.add(name, line);
      }
    };
    const decide = (context: PolicyContext, answer: OutboundAnswer): Decision => {
      const { status } = answer;
      if (status >= 200 && status < 300) return pass(context, answer);
      if (told.has(status)) return forClient(answer);
      return failed(context, `answered ${status}`);
    };
    const failed = (context: PolicyContext, reason: string): Decision => {
      undecided.tell({ service: new URL(url).origin, reason, outcome: onError });
      return onError === 'allow' ? pass(context, undefined) : refuse(context, noDecision);
    };
    return {
      run(context) {
        return outbound.send({ url, ca, timeoutMs: timeout, headers: questionOf(context, named) }).then(
          (answer) => decide(context, answer),
          (error: unknown) => failed(context, error instanceof Error ? error.message : String(error)),
        );
      },
    };
  },
};

/** Fields that tell the service about the request. Named fields cannot replace them. */
function questionOf({ request, clientAddress, secure, requestId }: PolicyContext, named: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const name of named) {
    const value = request.headers.all(name);
    if (value.length > 0 && !kept.has(name.toLowerCase()) && name.toLowerCase() !== 'host')
      fields[name.toLowerCase()] = value.join(name.toLowerCase() === 'cookie' ? '; ' : ', ');
  }
  return {
    ...fields,
    'x-original-method': request.method,
    'x-original-uri': request.target,
    'x-forwarded-for': clientAddress,
    'x-forwarded-host': request.authority,
    'x-forwarded-proto': secure ? 'https' : 'http',
    'x-request-id': requestId,
  };
}

function forClient({ status, headers, body }: OutboundAnswer): PolicyAnswer {
  const fields: Record<string, string | readonly string[]> = { 'cache-control': 'no-store' };
  for (const [name, value] of Object.entries(headers)) if (value !== undefined && !kept.has(name)) fields[name] = value;
  return { status, headers: fields, body, refuses: status >= 400 };
}

const noDecision: Refusal = {
  status: 503,
  code: 'authorization-unavailable',
  title: 'The service that decides about requests has made no decision',
  headers: { 'retry-after': '5' },
};
