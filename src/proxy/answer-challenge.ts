import type { Exchange } from './contract.ts';

const start = '/.well-known/acme-challenge/';

/**
 * Answers an authority that asks whether a name leads here (HTTP-01, RFC 8555 section 8.3). False: the request is no such question, or one whose
 * token is not known here, as another program behind this listener may have asked for it.
 * @param answers content for each token
 */
export function answerChallenge(exchange: Exchange, answers: Readonly<Record<string, string>>): boolean {
  const { target } = exchange.request;
  if (!target.startsWith(start)) return false;
  const token = target.slice(start.length);
  if (!Object.hasOwn(answers, token)) return false;
  exchange.respond(200, { 'content-type': 'application/octet-stream', 'cache-control': 'no-store' }, answers[token] as string);
  return true;
}
