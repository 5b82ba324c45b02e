import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { type Problem, problemType } from '../api/problem.ts';
import { type ErrorCode, type Fault, SluiceError } from '../model/fault.ts';
import { TooManyGuesses } from './access/guesses.ts';

/** What to tell the caller. `code` is mostly an {@link ErrorCode}; some statuses of HTTP itself have their own. */
export function describeProblem(status: number, code: string, detail: string, faults: readonly Fault[] = []): Problem {
  const title = STATUS_CODES[status] ?? 'Error';
  return { type: 'about:blank', title, status, detail, code, ...(faults.length > 0 && { errors: [...faults] }) };
}

/** The one place where an error becomes an answer. What is not the caller's to know is logged, and only that it happened is told. */
export function answerError(error: FastifyError | SluiceError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const answer = problemOf(error);
  if (answer.status >= 500)
    request.log.error({ err: error, method: request.method, path: request.url.split('?')[0] }, 'admin request failed');
  if (error instanceof TooManyGuesses) reply.header('retry-after', String(error.retryAfter));
  return sendProblem(reply, answer);
}

/** Answers with `answer`, and says how to sign in where that is what is missing (RFC 9110, section 11.6.1). */
export function sendProblem(reply: FastifyReply, answer: Problem): FastifyReply {
  if (answer.status === 401) reply.header('www-authenticate', 'Bearer realm="sluice"');
  return reply.code(answer.status).type(problemType).serializer(JSON.stringify).send(answer);
}

function problemOf(error: FastifyError | SluiceError): Problem {
  if (error instanceof SluiceError) return describeProblem(error.status, error.code, error.message, error.faults);
  const known = fromFramework[error.code];
  if (known) return describeProblem(known.status, known.code, known.detail);
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) return describeProblem(status, 'malformed', error.message);
  return describeProblem(500, 'internal', 'something went wrong inside; the log says what');
}

/** Refusals of the framework, in the API's own words. */
const fromFramework: Readonly<Record<string, { status: number; code: ErrorCode | 'unsupported-media-type'; detail: string }>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { status: 413, code: 'too-large', detail: 'the body is larger than this request may bring' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    status: 415,
    code: 'unsupported-media-type',
    detail: 'send the body as content-type: application/json or application/yaml',
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: { status: 400, code: 'malformed', detail: 'the body is not as long as content-length says' },
  FST_ERR_BAD_URL: { status: 400, code: 'malformed', detail: 'the path has an invalid %-escape' },
};
