/** Weight of a coding that the client accepts without saying how much it likes it. */
const whole = 1000;

/**
 * The best of `codings` by a client's Accept-Encoding (RFC 9110 section 12.5.3); undefined: the client accepts none of them, or likes the uncoded body
 * better. Of several that it likes alike the first one counts.
 */
export function acceptedCoding<Coding extends string>(accepted: string | undefined, codings: readonly Coding[]): Coding | undefined {
  if (accepted === undefined) return undefined;
  const weights = weightsIn(accepted);
  let best: Coding | undefined;
  let most = weights.get('identity') ?? 0;
  for (const coding of codings) {
    const weight = weights.get(coding) ?? weights.get(`x-${coding}`) ?? weights.get('*') ?? 0;
    if (weight > most || (weight === most && weight > 0 && best === undefined)) {
      best = coding;
      most = weight;
    }
  }
  return best;
}

/** Weights in thousandths, by the coding in lower case. */
function weightsIn(accepted: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const member of accepted.split(',')) {
    const [coding = '', ...parameters] = member.split(';').map((part) => part.trim().toLowerCase());
    const given = parameters.find((parameter) => /^q\s*=/.test(parameter));
    if (coding !== '') weights.set(coding, given === undefined ? whole : thousandths(given.slice(given.indexOf('=') + 1).trim()));
  }
  return weights;
}

/** A weight (RFC 9110 section 12.4.2) in thousandths; a malformed one is 0. */
function thousandths(weight: string): number {
  return /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(weight) ? Math.round(Number(weight) * whole) : 0;
}
