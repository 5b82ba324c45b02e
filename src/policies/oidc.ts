import { hash, randomBytes } from 'node:crypto';
import * as z from 'zod';
import type { LimitSet } from '../limits/limit-set.ts';
import { contentHash } from '../model/content-hash.ts';
import { ExpiringMap } from '../model/expiring-map.ts';
import { duration } from '../model/quantity.ts';
import { loginPath, logoutPath } from '../model/reserved-path.ts';
import { ClaimFields, claimFields, nameIn, type ToldCaller } from './claim-fields.ts';
import type { Decision, Policy, PolicyContext, PolicyScope, PolicyType } from './contract.ts';
import { CookieJar } from './cookie-jar.ts';
import { Refreshes, refreshTurn, type Session, sessionIn, sessionOf } from './oidc-session.ts';
import { type LoginFault, OpenIdProvider, type PendingLogin } from './openid-provider.ts';
import { type Refusal, refuse } from './refusal.ts';
import { Seal } from './seal.ts';
import { authorities, clientCredentials, patience, serviceUrl } from './service-settings.ts';
import { HeldState } from './shared-states.ts';

/** Seconds in which a user must have logged in at the provider. */
const pendingS = 600;
/** Seconds before its end in which an access token is refreshed, so that it does not end on the way to the target. */
const marginS = 30;
/** Longest target to which a browser returns after the login; it travels in the state. */
const mostTarget = 1024;
/** Sessions that are remembered as opened. */
const mostOpened = 2000;
const openedMs = 60_000;

const settings = z.strictObject({
  issuer: serviceUrl.meta({
    description: 'issuer of the OpenID provider; its description is read from `ISSUER/.well-known/openid-configuration`',
  }),
  ...clientCredentials,
  ca: authorities,
  timeout: patience.prefault('5s').meta({ description: 'time until the provider must have answered' }),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'must be a scope: visible ASCII characters without " and \\'))
    .default(['profile', 'email'])
    .meta({
      description:
        'scopes that the user is asked for, besides `openid`. Some providers give a refresh token only with `offline_access`, others only with `prompt: consent` too',
    }),
  prompt: z.enum(['login', 'consent', 'select_account']).optional().meta({
    description:
      'page that the provider shows at each login: `login` asks for the password again, `consent` asks the user to agree to the scopes, `select_account` offers the accounts. Not given: the provider decides',
  }),
  cookieSecret: z.string().min(32, 'must have at least 32 characters').optional().meta({
    description: 'secret with which cookies are encrypted. Not given: `clientSecret`. All sessions end when it changes',
  }),
  maxAge: duration
    .refine((ms) => ms >= 60_000, 'must be at least 1m')
    .prefault('8h')
    .meta({ description: 'time after which a user must log in again, whatever the provider says' }),
  accessToken: z.boolean().default(false).meta({ description: "true: the target gets the user's access token in Authorization" }),
  claims: claimFields,
  consumer: z.string().min(1).optional().meta({ description: "claim that names the request's consumer, for example `email`" }),
});

interface OpenedSession extends ToldCaller {
  readonly session: Session;
}

/** Content of the state that the browser brings back from the provider. */
const pending = z.object({
  redirectUri: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  target: z.string(),
  /** Digest of the login cookie of the browser that has begun the login. */
  browser: z.string(),
  end: z.number(),
});

/** Lets users of browsers pass who have logged in at an OpenID provider, and sends others there. Scripts without a session get 401. */
export const oidc: PolicyType<typeof settings> = {
  settings,
  points: ['proxyRequest'],
  *create(given, scope) {
    yield;
    return new OidcLogin(given, scope);
  },
};

class OidcLogin implements Policy {
  readonly paths = [loginPath, logoutPath];
  readonly #settings: z.output<typeof settings>;
  readonly #scope: PolicyScope;
  readonly #seal: Seal;
  readonly #jar: CookieJar;
  /** The part of requests that holds the session. */
  readonly #part: string;
  readonly #fields: ClaimFields;
  readonly #base: string;
  readonly #provider: HeldState<{ readonly provider: OpenIdProvider; readonly refreshes: Refreshes }>;
  readonly #turns: HeldState<LimitSet>;
  readonly #opened: ExpiringMap<OpenedSession>;

  constructor(given: z.output<typeof settings>, scope: PolicyScope) {
    const { issuer, ca, clientId, clientSecret, timeout: timeoutMs } = given;
    const { services, project, basePath } = scope;
    this.#settings = given;
    this.#scope = scope;
    this.#base = basePath === '/' ? '' : basePath;
    const use = contentHash([project, issuer, clientId]);
    this.#seal = new Seal(given.cookieSecret ?? clientSecret, `sluice oidc ${use}`);
    const cookie = `sluice-oidc-${use.slice(0, 8)}`;
    this.#jar = new CookieJar(cookie);
    this.#part = `cookie:${cookie}`;
    this.#fields = new ClaimFields(given.claims);
    this.#opened = new ExpiringMap(mostOpened, services.clock);
    const wanted = [...Object.keys(given.claims), ...(given.consumer === undefined ? [] : [given.consumer])];
    const providerSettings = { issuer, ca, clientId, clientSecret, timeoutMs, wanted };
    this.#provider = new HeldState(services.shared, `oidc ${contentHash(providerSettings)}`, () => {
      const provider = new OpenIdProvider(providerSettings, services);
      return { provider, refreshes: new Refreshes(provider, services) };
    });
    const turns = `oidc refresh ${use}`;
    this.#turns = new HeldState(services.shared, turns, () => services.limits.open(turns, refreshTurn));
  }

  begin(): void {
    this.#provider.begin();
    this.#turns.begin();
  }

  end(): void {
    this.#provider.end();
    this.#turns.end();
  }

  run(context: PolicyContext): Decision | Promise<Decision> {
    const { path } = context.request;
    if (path === this.#base + loginPath) return this.#finish(context);
    if (path === this.#base + logoutPath) return this.#leave(context);
    const opened = this.#open(context);
    if (opened === undefined) return this.#login(context);
    const { expires = Number.POSITIVE_INFINITY, refreshToken } = opened.session;
    if (expires > this.#now + marginS) return this.#pass(context, opened);
    if (refreshToken !== undefined) return this.#refresh(context, opened, refreshToken);
    return this.#settings.accessToken ? this.#login(context) : this.#pass(context, opened);
  }

  get #now(): number {
    return Math.floor(this.#scope.services.clock.date() / 1000);
  }

  #open({ request }: PolicyContext): OpenedSession | undefined {
    const text = this.#jar.read(request.headers, '');
    if (text === undefined) return undefined;
    const digest = hash('sha256', text, 'binary');
    let opened = this.#opened.get(digest);
    if (opened === undefined) {
      const session = sessionIn(this.#seal.open('session', text));
      if (session === undefined) return undefined;
      opened = this.#readable(session);
      this.#opened.set(digest, opened, openedMs);
    }
    return opened.session.end > this.#now ? opened : undefined;
  }

  #readable(session: Session): OpenedSession {
    const claims = Object.freeze(session.claims);
    const caller = { consumer: nameIn(claims, this.#settings.consumer), claims };
    return { session, caller, values: this.#fields.valuesOf(claims) };
  }

  #pass(context: PolicyContext, opened: OpenedSession): undefined {
    const { headers } = context.request;
    const { session } = opened;
    this.#fields.tell(context, opened);
    context.identifiedBy = this.#part;
    if (session.accessToken !== undefined) headers.set('authorization', `Bearer ${session.accessToken}`);
    this.#jar.hide(headers);
  }

  async #refresh(context: PolicyContext, opened: OpenedSession, refreshToken: string): Promise<Decision> {
    const { claims, end, expires = 0 } = opened.session;
    const result = await this.#provider.value.refreshes.refresh(refreshToken, claims, this.#turns.value);
    // The browser gets the new cookies from the other server; until then the session that it shows counts, without a token that has expired.
    if (result === 'elsewhere')
      return this.#settings.accessToken && expires <= this.#now ? refuse(context, refreshing) : this.#pass(context, opened);
    if (result === 'away') return this.#settings.accessToken ? refuse(context, away) : this.#pass(context, opened);
    // Another gateway server has used the refresh token a moment ago, and the browser does not have its cookies yet.
    if (result === 'refused' && expires > this.#now) return this.#pass(context, opened);
    if (typeof result === 'string') return this.#login(context);
    const session = sessionOf(result, { end, now: this.#now, keepsToken: this.#settings.accessToken });
    const lines = this.#store(context, session);
    if (lines === undefined) return refuse(context, tooLarge);
    this.#pass(context, this.#readable(session));
    context.onResponse(({ headers }) => {
      for (const line of lines) headers.add('set-cookie', line);
    });
    return undefined;
  }

  /** Sends a browser to the provider. Scripts could do nothing with its page. */
  async #login(context: PolicyContext): Promise<Decision> {
    if (!showsPages(context)) return refuse(context, needed);
    const { request } = context;
    const known = this.#jar.read(request.headers, '-login');
    const browser = known !== undefined && /^[\w-]{43}$/.test(known) ? known : randomText();
    const { path, target } = request;
    const login: PendingLogin = {
      redirectUri: originOf(context) + this.#base + loginPath,
      nonce: randomText(),
      verifier: randomText(),
      state: '',
    };
    const state = this.#seal.seal('login', {
      ...login,
      target: target.length <= mostTarget ? target : path.length <= mostTarget ? path : this.#base || '/',
      browser: digestOf(browser),
      end: this.#now + pendingS,
    });
    const url = await this.#provider.value.provider.loginUrl({ ...login, state }, this.#settings);
    if (url === undefined) return refuse(context, away);
    const lines = this.#jar.write('-login', browser, { ...this.#place(context), maxAgeS: pendingS }, request.headers) as string[];
    return redirect(url, lines);
  }

  /** The provider has sent the browser back. */
  async #finish(context: PolicyContext): Promise<Decision> {
    const { headers, target } = context.request;
    const query = target.slice(target.indexOf('?') + 1);
    const states = new URLSearchParams(query).getAll('state');
    const state = states.length === 1 ? (states[0] as string) : '';
    const login = pending.safeParse(this.#seal.open('login', state)).data;
    if (login === undefined || login.end <= this.#now) return refuse(context, unknownLogin);
    const browser = this.#jar.read(headers, '-login');
    const redirectUri = originOf(context) + this.#base + loginPath;
    if (browser === undefined || digestOf(browser) !== login.browser || login.redirectUri !== redirectUri)
      // Another tab of the browser has finished a login meanwhile.
      return this.#open(context) === undefined ? refuse(context, unknownLogin) : redirect(originOf(context) + login.target, []);
    const result = await this.#provider.value.provider.login(query, { ...login, state });
    if (typeof result === 'string') return refuse(context, faults[result]);
    const now = this.#now;
    const end = now + Math.floor(this.#settings.maxAge / 1000);
    const lines = this.#store(context, sessionOf(result, { end, now, keepsToken: this.#settings.accessToken }));
    if (lines === undefined) return refuse(context, tooLarge);
    // An absolute URL: a target that begins with two slashes would lead to another host.
    return redirect(originOf(context) + login.target, [...lines, ...this.#jar.remove('-login', this.#place(context), headers)]);
  }

  async #leave(context: PolicyContext): Promise<Decision> {
    const home = `${originOf(context)}${this.#base}/`;
    const place = this.#place(context);
    const url = (await this.#provider.value.provider.logoutUrl(home)) ?? home;
    return redirect(url, this.#jar.remove('', place, context.request.headers));
  }

  /** Values of Set-Cookie for a session; undefined: it is too long for cookies. */
  #store(context: PolicyContext, session: Session): string[] | undefined {
    const maxAgeS = Math.max(1, session.end - this.#now);
    return this.#jar.write('', this.#seal.seal('session', session), { ...this.#place(context), maxAgeS }, context.request.headers);
  }

  #place({ secure }: PolicyContext) {
    return { path: this.#base || '/', secure };
  }
}

/** True if a person would see the answer: a browser navigates to it. */
function showsPages({ request: { method, headers } }: PolicyContext): boolean {
  const navigates = (headers.get('sec-fetch-mode') ?? 'navigate') === 'navigate';
  const script = headers.get('x-requested-with')?.toLowerCase() === 'xmlhttprequest' || headers.get('upgrade') !== undefined;
  return method === 'GET' && navigates && !script && /\btext\/html\b/i.test(headers.get('accept') ?? '');
}

function originOf({ secure, request }: PolicyContext): string {
  return `${secure ? 'https' : 'http'}://${request.authority}`;
}

function redirect(location: string, cookies: readonly string[]): Decision {
  return {
    status: 302,
    headers: { location, 'cache-control': 'no-store', ...(cookies.length > 0 && { 'set-cookie': cookies }) },
    body: '',
  };
}

/** 256 bits of chance, as text for URLs and cookies. */
function randomText(): string {
  return randomBytes(32).toString('base64url');
}

function digestOf(text: string): string {
  return hash('sha256', text, 'base64url');
}

const needed: Refusal = {
  status: 401,
  code: 'login-needed',
  title: 'The request needs a session: log in with a browser',
  headers: { 'www-authenticate': 'Session' },
};
const unknownLogin: Refusal = {
  status: 400,
  code: 'login-unknown',
  title: 'This login was not begun here in this browser, or it took too long: open the page again',
};
const away: Refusal = {
  status: 503,
  code: 'login-unavailable',
  title: 'The server at which users log in cannot be asked at the moment',
  headers: { 'retry-after': '5' },
};
const refreshing: Refusal = {
  status: 503,
  code: 'login-refreshing',
  title: 'The session is being renewed by another request of this browser: try again',
  headers: { 'retry-after': '1' },
};
const tooLarge: Refusal = { status: 503, code: 'login-too-large', title: 'The claims and tokens of the user do not fit into cookies' };
const faults: Readonly<Record<LoginFault, Refusal>> = {
  away,
  refused: { status: 403, code: 'login-refused', title: 'The server at which users log in has refused the login' },
  invalid: { status: 403, code: 'login-invalid', title: 'The answer of the server at which users log in is not valid' },
};
