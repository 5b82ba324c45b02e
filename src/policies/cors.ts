import * as z from 'zod';
import { FieldNames } from '../http1/message/field-name.ts';
import { httpToken, methodName } from '../model/http-names.ts';
import { duration } from '../model/quantity.ts';
import type { PolicyContext, PolicyType } from './contract.ts';
import { OriginList, originPattern } from './origin-list.ts';

const fieldNames = z.array(z.string().regex(httpToken, 'must be a header field name'));

const settings = z
  .strictObject({
    origins: z.array(originPattern).min(1, 'needs at least one origin, or "*" for all').meta({
      description:
        'origins whose pages may read the answers: exact ones (`https://app.example.com`), all subdomains of a name (`https://*.example.com`), or `*`',
    }),
    methods: z.array(methodName).min(1).default(['GET', 'HEAD', 'PUT', 'PATCH', 'POST', 'DELETE']).meta({
      description: 'methods that pages may use',
    }),
    headers: fieldNames.optional().meta({ description: 'fields that pages may send. Not given: those that the preflight names' }),
    exposed: fieldNames.default([]).meta({ description: 'fields of answers that pages may read, besides those that every page may read' }),
    credentials: z
      .boolean()
      .default(false)
      .meta({ description: 'true: pages may send cookies and `Authorization`; not with the origin `*`' }),
    maxAge: duration
      .optional()
      .meta({ description: "time for which browsers may keep a preflight's answer, in whole seconds. Not given: the browser decides" }),
  })
  .superRefine(({ origins, headers, exposed, credentials }, context) => {
    if (!credentials) return;
    const fault = (path: (string | number)[], message: string) => context.issues.push({ code: 'custom', path, input: '*', message });
    const index = origins.indexOf('*');
    if (index !== -1)
      fault(['origins', index], 'must not be "*" with credentials: true, for any page could then act as its user: list the origins');
    // Browsers take "*" for the name of a field then (Fetch, section 3.3.4), so that it would allow nothing.
    for (const [name, list] of Object.entries({ headers, exposed })) {
      const place = list?.indexOf('*') ?? -1;
      if (place !== -1) fault([name, place], 'means a field named "*" with credentials: true: list the fields');
    }
  });

/** Fields that a target may have set itself: one answer must not have two rules. */
const ofTarget = new FieldNames([
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-expose-headers',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-max-age',
  'access-control-allow-private-network',
]);

const askedMethod = 'access-control-request-method';
const askedHeaders = 'access-control-request-headers';

/**
 * Lets pages of other origins read answers (CORS, the Fetch standard): adds the fields to every answer, refusals and failures included, and answers
 * preflights with 204. Runs before all other policies, since browsers send no credentials with a preflight.
 */
export const cors: PolicyType<typeof settings> = {
  settings,
  dry: true,
  points: ['proxyRequest'],
  first: true,
  answersPreflights: true,
  *create({ origins, methods, headers, exposed, credentials, maxAge }) {
    const list = new OriginList(origins);
    yield;
    const exposedNames = exposed.join(', ');
    const fixed = {
      ...(credentials && { 'access-control-allow-credentials': 'true' }),
      'access-control-allow-methods': methods.join(', '),
      ...(maxAge !== undefined && { 'access-control-max-age': String(Math.floor(maxAge / 1000)) }),
    };
    const answerPreflight = (context: PolicyContext, origin: string | undefined) => {
      const vary = `Origin, Access-Control-Request-Method, Access-Control-Request-Headers`;
      if (origin === undefined) return { status: 204, headers: { vary }, body: '' };
      const allowed = headers === undefined ? context.request.headers.get(askedHeaders) : headers.join(', ');
      const fields = { 'access-control-allow-origin': origin, ...fixed, ...(allowed && { 'access-control-allow-headers': allowed }) };
      return { status: 204, headers: { vary, ...fields }, body: '' };
    };
    return {
      run(context) {
        const given = context.request.headers.get('origin');
        const origin = given === undefined ? undefined : list.answerFor(given);
        if (given !== undefined && context.request.method === 'OPTIONS' && context.request.headers.get(askedMethod) !== undefined)
          return answerPreflight(context, origin);
        context.addAnswerField('vary', 'Origin');
        context.onResponse(removeFields);
        if (origin === undefined) return undefined;
        context.setAnswerField('access-control-allow-origin', origin);
        if (credentials) context.setAnswerField('access-control-allow-credentials', 'true');
        if (exposedNames !== '') context.setAnswerField('access-control-expose-headers', exposedNames);
        return undefined;
      },
    };
  },
};

function removeFields({ headers }: NonNullable<PolicyContext['response']>): void {
  headers.removeAll(ofTarget);
}
