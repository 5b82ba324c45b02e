import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { networkOf } from '../model/ip-address.ts';
import { passwordDigest } from '../model/password-digest.ts';
import { shownCredentials } from './authorization.ts';
import type { Caller, Decision, PolicyContext, PolicyType } from './contract.ts';
import { PasswordChecks } from './password-checks.ts';
import { consumersUnknown, type Refusal, refuse } from './refusal.ts';
import { HeldState } from './shared-states.ts';

/** Longest credentials in Base64 that are read. */
const mostCharacters = 2048;

const settings = z
  .strictObject({
    users: z
      .record(
        z.string().regex(/^[^:\p{Cc}]{1,128}$/u, 'must be a name of 1 to 128 characters, without colon and control characters'),
        passwordDigest,
      )
      .refine((users) => Object.keys(users).length > 0, 'needs at least one user')
      .optional()
      .meta({ description: 'name of each user, and the scrypt digest of its password as `sluice consumer password` makes it' }),
    consumers: z.boolean().default(false).meta({
      description: 'true: the names and passwords of all consumers (`sluice consumer password`) are valid too',
    }),
    realm: z
      .string()
      .regex(/^[\x20\x21\x23-\x5b\x5d-\x7e]{1,128}$/, 'must be 1 to 128 printable ASCII characters, without " and \\')
      .default('api')
      .meta({ description: 'name of the protected area, which browsers show when they ask for the password' }),
    forward: z
      .boolean()
      .default(false)
      .meta({ description: 'true: the target gets Authorization with the password. Otherwise the field is removed' }),
  })
  .refine(({ users, consumers }) => users !== undefined || consumers, { path: ['users'], error: 'needs users, or consumers: true' });

/**
 * Lets a request pass only with name and password of one of `users`, or of a consumer (`consumers: true`; RFC 7617); else answers 401. The name becomes
 * the request's consumer.
 */
export const basicAuth: PolicyType<typeof settings> = {
  settings,
  dry: true,
  points: ['proxyRequest'],
  *create({ users = {}, consumers, realm, forward }, { services }) {
    const digests = new Map(Object.entries(users).map(([name, digest]) => [name.normalize('NFC'), digest]));
    yield;
    const decoy = decoyLike([...digests.values()][0] ?? usual);
    const { callers, clock } = services;
    const checks = new HeldState(services.shared, 'passwords', () => new PasswordChecks(services.clock));
    const challenge = { 'www-authenticate': `Basic realm="${realm}", charset="UTF-8"` };
    const missing: Refusal = {
      status: 401,
      code: 'basic-missing',
      title: 'The request needs a user name and a password',
      headers: challenge,
    };
    const wrong: Refusal = { status: 401, code: 'basic-wrong', title: 'The user name or the password is wrong', headers: challenge };
    /** The one who has a name, with the digests of its valid passwords. */
    const accountOf = (user: string): { caller: Caller; digests: readonly string[] } | undefined => {
      const digest = digests.get(user);
      if (digest !== undefined) return { caller: { consumer: user }, digests: [digest] };
      const consumer = consumers ? callers.byName(user) : undefined;
      const valid = consumer?.passwords.filter(({ expires }) => expires === 0 || expires > clock.date());
      return consumer && { caller: consumer, digests: (valid ?? []).map(({ scrypt }) => scrypt) };
    };
    const decide = (context: PolicyContext, caller: Caller | undefined, right: boolean | undefined): Decision => {
      if (right === undefined) return refuse(context, busy);
      if (!right || caller === undefined) return refuse(context, consumers && !callers.known ? consumersUnknown : wrong);
      context.caller = caller;
      context.identifiedBy = 'header:authorization';
      if (!forward) context.request.headers.remove('authorization');
      return undefined;
    };
    return {
      begin: () => checks.begin(),
      end: () => checks.end(),
      run(context) {
        const shown = shownCredentials(context.request.headers, 'basic');
        if (shown === 'missing') return refuse(context, missing);
        const pair = shown === 'ambiguous' ? undefined : pairIn(shown.text);
        if (pair === undefined) return refuse(context, wrong);
        const { user, password } = pair;
        // An unknown user costs the same time as a wrong password, so that timing does not tell which names exist.
        const account = accountOf(user);
        const candidates = account === undefined || account.digests.length === 0 ? [decoy] : account.digests;
        const result = checks.value.check(password, candidates, networkOf(context.clientAddress));
        const caller = candidates[0] === decoy ? undefined : account?.caller;
        return typeof result === 'boolean' ? decide(context, caller, result) : result.then((right) => decide(context, caller, right));
      },
    };
  },
};

/** User name and password of credentials in Base64; undefined: the text holds none. */
function pairIn(encoded: string): { readonly user: string; readonly password: string } | undefined {
  if (encoded.length > mostCharacters || !/^[A-Za-z0-9+/]+=*$/.test(encoded)) return undefined;
  const octets = Buffer.from(encoded, 'base64');
  const text = readText(octets);
  const colon = text.indexOf(':');
  if (colon < 1) return undefined;
  return { user: text.slice(0, colon).normalize('NFC'), password: text.slice(colon + 1) };
}

/** Reads UTF-8, or Latin-1 from clients that do not heed `charset`. */
function readText(octets: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets);
  } catch {
    return octets.toString('latin1');
  }
}

/** The usual cost of digests. */
const usual = '$scrypt$ln=15,r=8,p=3';

/** A digest that costs as much to check as this one, and that no password has. */
function decoyLike(digest: string): string {
  const [, , cost] = digest.split('$');
  const random = (octets: number) => randomBytes(octets).toString('base64').replace(/=+$/, '');
  return `$scrypt$${cost}$${random(16)}$${random(32)}`;
}

const busy: Refusal = {
  status: 503,
  code: 'basic-busy',
  title: 'Too many passwords are being checked: try again in a second',
  headers: { 'retry-after': '1' },
};
