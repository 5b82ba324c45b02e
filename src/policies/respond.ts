import * as z from 'zod';
import type { PolicyType } from './contract.ts';
import { byFieldName, valueOfField } from './written-fields.ts';

const settings = z
  .strictObject({
    status: z
      .int()
      .refine((status) => status >= 200 && status <= 599, 'must be a status from 200 to 599')
      .default(200)
      .meta({ description: 'status of the response' }),
    headers: byFieldName(
      z
        .union([valueOfField, z.array(valueOfField)], 'must be one line of Latin-1 text, or a list of such lines')
        .transform((given) => (Array.isArray(given) ? given : [given])),
    ).meta({ description: 'fields of the response: name and value, or a list of values for several lines' }),
    body: z.unknown().optional().meta({
      title: 'text, or any value',
      description: 'body of the response: a text as it is; any other value is written as JSON. Not given: none',
    }),
  })
  .refine(({ status, body }) => body === undefined || ![204, 205, 304].includes(status), {
    message: 'must be left out: a response with this status has none',
    path: ['body'],
  });

/**
 * Answers each request with the same response, without a target: a mock, a maintenance page, or the answer for a path that is gone. Content-Type is text/plain
 * for a text and application/json for other values, unless `headers` has one.
 */
export const respond: PolicyType<typeof settings> = {
  settings,
  dry: true,
  points: ['proxyRequest', 'targetRequest'],
  *create({ status, headers, body }) {
    const typed = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type');
    const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
    const type = typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json';
    const answer = {
      status,
      headers: { ...(body !== undefined && !typed && { 'content-type': type }), ...headers },
      body: Buffer.from(text),
    };
    return { run: () => answer };
  },
};
