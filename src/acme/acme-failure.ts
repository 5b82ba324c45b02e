/** Most octets of an authority's own words that are repeated. */
const mostOctets = 300;

/** An attempt that did not lead to a certificate. The message says what happened and what to do. */
export class AcmeFailure extends Error {
  /** Type of the authority's problem without its prefix (RFC 8555 section 6.7); undefined: it reported none. */
  readonly type: string | undefined;
  /** Date before which the authority wants no other attempt, in milliseconds since 1970. */
  readonly retryAt: number | undefined;
  /** The failure is the authority's or the account's, so that an attempt for another name would fail as well. */
  readonly general: boolean;

  constructor(message: string, options: { type?: string; retryAt?: number | undefined; general?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.type = options.type;
    this.retryAt = options.retryAt;
    this.general = options.general ?? false;
  }
}

/** A problem as an authority reports it (RFC 9457). */
export interface AcmeProblem {
  readonly type?: unknown;
  readonly detail?: unknown;
  readonly instance?: unknown;
}

/** Problems of the account, or of the authority, whatever name is asked for. */
const general = new Set([
  'accountDoesNotExist',
  'externalAccountRequired',
  'invalidContact',
  'unsupportedContact',
  'rateLimited',
  'serverInternal',
  'userActionRequired',
]);

const remedies: Readonly<Record<string, string>> = {
  accountDoesNotExist: 'a new account is registered at the next attempt',
  caa: 'a CAA record of the name forbids this authority: add one that allows it, or choose another directory',
  connection: 'the authority cannot connect to the name: see that its DNS records lead here and that no firewall is in the way',
  dns: 'the name cannot be looked up: add an A or AAAA record that leads here',
  externalAccountRequired: 'this authority serves known accounts only: set tls.acme.eab with the keyId and hmac that it gives',
  incorrectResponse: 'the answer came from another program: see that the name leads to this balancer and not to another server',
  invalidContact: 'correct tls.acme.email',
  unsupportedContact: 'correct tls.acme.email',
  rateLimited: 'the next attempt waits as long as the authority asks for',
  rejectedIdentifier: 'this authority issues no certificate for the name: remove it from hosts, or choose another directory',
  serverInternal: 'the authority has a fault: the next attempt comes by itself',
  tls: 'the TLS handshake of the challenge failed: see that port 443 of the name leads to the listener without another TLS proxy in between',
  unauthorized: 'the authority did not get the answer: see that the name leads to this balancer, and that no other server answers there',
  userActionRequired: 'follow the link in the message, for example to agree to new terms',
};

/**
 * @param place what was refused, for the message
 * @param options.remedy for a problem that tells nothing more
 */
export function failureOf(
  problem: AcmeProblem,
  place: string,
  options: { retryAt?: number | undefined; remedy?: string } = {},
): AcmeFailure {
  const type = typeof problem.type === 'string' ? problem.type.replace(/^urn:ietf:params:acme:error:/, '') : 'unknown';
  const detail = typeof problem.detail === 'string' ? printable(problem.detail) : 'it gave no reason';
  const link = type === 'userActionRequired' && typeof problem.instance === 'string' ? ` (${printable(problem.instance)})` : '';
  const remedy = remedies[type] ?? options.remedy;
  return new AcmeFailure(
    `the authority refused ${place} (${type}): ${detail}${link}${remedy === undefined ? '' : `. What to do: ${remedy}`}`,
    {
      type,
      retryAt: options.retryAt,
      general: general.has(type),
    },
  );
}

/** An authority's text in one line, without control characters. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is removed
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim();
  return line.length > mostOctets ? `${line.slice(0, mostOctets)}…` : line;
}
