import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { type Problem, problemType } from '../../api/problem.ts';
import { type ErrorCode, type Fault, SluiceError } from '../../model/fault.ts';
import { TooManyGuesses } from '../access/guess-limiter.ts';

/** Makes the body of a refusal. `code` is an {@link ErrorCode}, or one of the few codes for a status of HTTP itself (405, 415, 426). */
export function describeProblem(status: number, code: string, detail: string, faults: readonly Fault[] = []): Problem {
  const title = STATUS_CODES[status] ?? 'Error';
  return { type: 'about:blank', title, status, detail, code, ...(faults.length > 0 && { errors: [...faults] }) };
}

/**
 * Answers every error. Statuses from 500 are logged, those that an outage causes only for debugging: the outage itself is logged, once. The
 * answer to an unexpected error does not reveal its details.
 */
export function answerError(error: FastifyError | SluiceError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const answer = problemOf(error);
  if (answer.status >= 500)
    request.log[answer.code === 'unavailable' ? 'debug' : 'error'](
      { err: error, method: request.method, path: request.url.split('?')[0] },
      'admin request failed',
    );
  if (error instanceof TooManyGuesses) reply.header('retry-after', String(error.retryAfter));
  return sendProblem(reply, answer);
}

/** The `WWW-Authenticate` field of a 401 answer. */
export const bearerChallenge = 'Bearer realm="sluice"';

/** Sends `answer`; a 401 also says which authentication is expected (RFC 9110, section 11.6.1). */
export function sendProblem(reply: FastifyReply, answer: Problem): FastifyReply {
  if (answer.status === 401) reply.header('www-authenticate', bearerChallenge);
  return reply.header('cache-control', 'no-store').code(answer.status).type(problemType).serializer(JSON.stringify).send(answer);
}

function problemOf(error: FastifyError | SluiceError): Problem {
  if (error instanceof SluiceError) return describeProblem(error.status, error.code, error.message, error.faults);
  const known = fromFramework[error.code];
  if (known) return describeProblem(known.status, known.code, known.detail);
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) return describeProblem(status, 'malformed', error.message);
  return describeProblem(500, 'internal', 'the balancer failed to handle this request: see its log');
}

/** Problems for the framework's error codes. */
const fromFramework: Readonly<Record<string, { status: number; code: ErrorCode | 'unsupported-media-type'; detail: string }>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { status: 413, code: 'too-large', detail: 'the body is larger than this request allows' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    status: 415,
    code: 'unsupported-media-type',
    detail: 'send the body as content-type: application/json or application/yaml',
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: { status: 400, code: 'malformed', detail: 'the length of the body differs from content-length' },
  FST_ERR_BAD_URL: { status: 400, code: 'malformed', detail: 'the path has an invalid %-escape' },
};
