import * as z from 'zod';
import { writeCertificateRequest } from '../certificates/certificate.ts';
import { makeKeyPair, privatePem } from '../certificates/key-pair.ts';
import type { ChallengeType } from '../model/acme.ts';
import type { Clock } from '../model/clock.ts';
import { type AcmeConnection, type Answer, json, type Signer } from './acme-connection.ts';
import { AcmeFailure, failureOf } from './acme-failure.ts';
import { keyAuthorization } from './json-web-signature.ts';

/** Milliseconds between two looks at something that the authority works on, unless it names a time: they double up to the longest. */
const pollMs = 500;
const longestPollMs = 10_000;
/** Milliseconds that an authority may take for a challenge, and for a certificate. */
const patienceMs = 180_000;

/** Most authorizations of an order; it is for one name, so that one is usual. */
const mostAuthorizations = 8;

const problem = z.looseObject({ type: z.string().optional(), detail: z.string().optional() });
const orderSchema = z.looseObject({
  status: z.string(),
  authorizations: z.array(z.string()).max(mostAuthorizations),
  finalize: z.string(),
  certificate: z.string().optional(),
  error: problem.optional(),
});
const challengeSchema = z.looseObject({
  type: z.string(),
  url: z.string(),
  status: z.string(),
  // Also a part of a path: it must not be able to name anything else (RFC 8555 section 8.1).
  token: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,512}$/)
    .optional(),
  error: problem.optional(),
});
const authorizationSchema = z.looseObject({ status: z.string(), challenges: z.array(challengeSchema) });

/** A challenge of the authority, and the answer that it expects under the name. */
export interface ChallengeAnswer {
  readonly name: string;
  readonly type: ChallengeType;
  readonly token: string;
  readonly keyAuthorization: string;
}

/** Makes answers to challenges readable for the authority. */
export interface Answering {
  /** Resolves once every balancer gives the answer. */
  present(answer: ChallengeAnswer): Promise<void>;
  withdraw(answer: ChallengeAnswer): Promise<void>;
}

/** An issued certificate, PEM. Holds the private key: never log it. */
export interface IssuedPair {
  /** The certificate, followed by those that lead to its issuer. */
  readonly chain: string;
  readonly key: string;
}

export interface OrderTools {
  readonly connection: AcmeConnection;
  readonly account: Required<Signer>;
  readonly answering: Answering;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Orders a certificate for one name (RFC 8555 section 7.4): proves the name by a challenge, asks for the certificate and fetches it.
 * Rejects with an {@link AcmeFailure}.
 * @param replaces id of the certificate that it follows (RFC 9773 section 5); undefined: none, or the authority does not know such ids
 */
export async function orderCertificate(tools: OrderTools, name: string, type: ChallengeType, replaces?: string): Promise<IssuedPair> {
  const { connection, account } = tools;
  const { newOrder } = await connection.directory();
  const wanted = { identifiers: [{ type: 'dns', value: name }] };
  const made = await connection.post(newOrder, { ...wanted, ...(replaces !== undefined && { replaces }) }, account).catch((error) => {
    // The authority knows the certificate no more, or another order replaces it already.
    if (replaces === undefined || !(error instanceof AcmeFailure) || !['alreadyReplaced', 'malformed'].includes(error.type ?? ''))
      throw error;
    return connection.post(newOrder, wanted, account);
  });
  if (made.location === undefined) throw new AcmeFailure('the authority gave the order no URL', { general: true });
  for (const url of read(orderSchema, made, 'order').authorizations) await authorize(tools, name, type, url);
  const ready = await until(tools, made.location, orderSchema, 'order', ({ status }) => status !== 'pending');
  if (ready.status === 'invalid') throw failureOf(ready.error ?? {}, `the order for ${name}`);
  const { privateKey } = makeKeyPair();
  const csr = writeCertificateRequest({ hosts: [name] }, privateKey).toString('base64url');
  if (ready.status === 'ready') await connection.post(ready.finalize, { csr }, account);
  const done = await until(tools, made.location, orderSchema, 'order', ({ status }) => status === 'valid' || status === 'invalid');
  if (done.status === 'invalid') throw failureOf(done.error ?? {}, `the order for ${name}`);
  if (done.certificate === undefined) throw new AcmeFailure('the authority gave the certificate no URL');
  const { body } = await connection.post(done.certificate, undefined, account);
  return { chain: body, key: privatePem(privateKey) };
}

const unproven = 'see that the DNS records of the name lead here, and that port 80 (http-01) or 443 (tls-alpn-01) is open';

/** Proves to the authority that the name leads here, unless it still believes an earlier proof. */
async function authorize(tools: OrderTools, name: string, type: ChallengeType, url: string): Promise<void> {
  const { connection, account, answering } = tools;
  const authorization = read(authorizationSchema, await connection.post(url, undefined, account), 'authorization');
  if (authorization.status === 'valid') return;
  const challenge = authorization.challenges.find((one) => one.type === type);
  if (challenge?.token === undefined)
    throw new AcmeFailure(
      `the authority offers no challenge ${type} for ${name}, only ${authorization.challenges.map((one) => one.type).join(', ')}: choose another one in tls.acme.challenge`,
    );
  const answer = { name, type, token: challenge.token, keyAuthorization: keyAuthorization(challenge.token, account.key) };
  try {
    await answering.present(answer);
    await connection.post(challenge.url, {}, account);
    const decided = await until(tools, url, authorizationSchema, 'authorization', ({ status }) => status !== 'pending');
    if (decided.status === 'valid') return;
    const error = decided.challenges.find((one) => one.type === type)?.error;
    throw failureOf(error ?? {}, `the challenge ${type} for ${name}`, { remedy: unproven });
  } finally {
    await answering.withdraw(answer);
  }
}

/** Reads a resource again and again until the authority has worked on it. */
async function until<Content>(
  { connection, account, clock, signal }: OrderTools,
  url: string,
  schema: z.ZodType<Content>,
  what: string,
  isDone: (content: Content) => boolean,
): Promise<Content> {
  const end = clock.now() + patienceMs;
  for (let waitMs = pollMs; ; waitMs = Math.min(waitMs * 2, longestPollMs)) {
    const answer = await connection.post(url, undefined, account);
    const content = read(schema, answer, what);
    if (isDone(content)) return content;
    const wantedMs = answer.retryAt === undefined ? waitMs : Math.max(pollMs, answer.retryAt - clock.date());
    if (clock.now() + wantedMs > end)
      throw new AcmeFailure(
        `the authority has not decided about the ${what} after ${patienceMs / 1000} s: the next attempt comes by itself`,
        {
          retryAt: answer.retryAt,
        },
      );
    await pause(clock, wantedMs, signal);
  }
}

function read<Content>(schema: z.ZodType<Content>, { body }: Answer, what: string): Content {
  const { data, success } = schema.safeParse(json(body));
  if (!success) throw new AcmeFailure(`the authority's ${what} is malformed: see that tls.acme.directory is that of an ACME authority`);
  return data;
}

/** Resolves after a time, or rejects when the work is to end. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stopped = () => {
      timer.cancel();
      reject(new AcmeFailure('this balancer stops, or another one has taken over', { general: true }));
    };
    const timer = clock.after(ms, () => {
      signal.removeEventListener('abort', stopped);
      resolve();
    });
    if (signal.aborted) stopped();
    else signal.addEventListener('abort', stopped, { once: true });
  });
}
