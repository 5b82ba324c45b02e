import type { Problem } from '../../api/problem.ts';
import { readAuthorities } from '../../config/ca-file.ts';
import { readToken } from '../../config/token-file.ts';
import { SluiceError } from '../../model/fault.ts';
import { CommandFailure } from '../command-failure.ts';
import { sendRequest } from './send-request.ts';
import { suggestName } from './suggest-name.ts';

/** Address of the balancer if neither `--control` nor `SLUICE_CONTROL` is given. */
export const defaultControl = 'http://127.0.0.1:9000';
/** File of the admin token if neither `--token` nor `SLUICE_ADMIN_TOKEN` is given. */
export const tokenFile = './data/admin.token';

const tokenRemedy = `give --token, set SLUICE_ADMIN_TOKEN, or run in the folder that holds the balancer's ${tokenFile}`;

/** The admin API refused a request. */
export class Refused extends CommandFailure {
  readonly problem: Problem;

  /** @param meant an existing name that resembles the unknown name in the request */
  constructor(problem: Problem, meant?: string) {
    // Without the faults' line numbers: they count lines of the request body, which the user sees only if the body was a file.
    const said = problem.errors?.map(({ path, message }) => `${path} ${message}`.trim()).join('; ') ?? problem.detail;
    super(meant === undefined ? said : `${said}; did you mean "${meant}"?`);
    this.problem = problem;
  }
}

/** The balancer did not answer. */
export class Unreachable extends CommandFailure {}

/** The balancer takes no token from this address for a moment, right or wrong, since too many wrong ones came from it. */
class Throttled extends CommandFailure {}

/** True for a failure that may pass by itself, so that a command that waits goes on: the balancer, or its registry, cannot be reached. */
export function mayPass(error: unknown): error is CommandFailure {
  return error instanceof Unreachable || error instanceof Throttled || (error instanceof Refused && error.problem.status === 503);
}

/** A request body and its content type. */
export interface Body {
  readonly type: string;
  readonly content: string | Uint8Array<ArrayBuffer>;
}

interface Given {
  readonly control?: string;
  readonly token?: string;
  readonly ca?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

interface Token {
  /** Undefined if no token was found. */
  readonly token: string | undefined;
  /** Where the token came from, for messages; empty if no token was found. */
  readonly origin: string;
}

/** A client of a balancer's admin API. */
export class ControlClient {
  readonly url: string;
  /** Authorities that the balancer's certificate is checked against, in PEM; undefined: those that Node.js knows. */
  readonly ca: string | undefined;
  readonly #token: string | undefined;
  readonly #tokenOrigin: string;
  readonly #timeoutMs: number;

  private constructor(url: string, timeoutMs: number, { token, origin }: Token, ca: string | undefined) {
    this.url = url;
    this.ca = ca;
    this.#timeoutMs = timeoutMs;
    this.#token = token;
    this.#tokenOrigin = origin;
  }

  /**
   * Takes address and token from the options, else from environment variables, else the defaults. Sends nothing yet.
   * @param timeoutMs limit for each request
   */
  static async connect(given: Given, env: Environment, timeoutMs = 60_000): Promise<ControlClient> {
    return new ControlClient(controlUrl(given, env), timeoutMs, await findToken(given, env), authorities(given, env));
  }

  /** The header that carries the token. */
  get credentials(): Readonly<Record<string, string>> {
    return this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
  }

  async get<Answer>(path: string): Promise<Answer> {
    return this.send<Answer>('GET', path);
  }

  /** Resolves with the answer's JSON (undefined for an empty answer). Rejects with {@link Refused} or another {@link CommandFailure}. */
  async send<Answer>(method: string, path: string, body?: Body, condition: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const headers: Record<string, string> = { accept: 'application/json', ...this.credentials, ...condition };
    if (body !== undefined) headers['content-type'] = body.type;
    let answer: Awaited<ReturnType<typeof sendRequest>>;
    try {
      answer = await sendRequest(this.url + path, { method, headers, body: body?.content, timeoutMs: this.#timeoutMs, ca: this.ca });
    } catch (error) {
      throw new Unreachable(this.#unreachable(error));
    }
    const { status, text, retryAfter } = answer;
    const json = parseJson(text);
    if (status >= 200 && status < 300 && (text === '' || json !== undefined)) return json as Answer;
    if (status === 401) throw new CommandFailure(this.#unauthorized());
    if (status === 429) throw new Throttled(this.#throttled(retryAfter));
    if (isProblem(json)) throw new Refused(json, json.code === 'not-found' ? await this.#suggestion(path) : undefined);
    throw new CommandFailure(
      `${this.url} answered with status ${status}, but not like Sluice's admin API: check --control and SLUICE_CONTROL`,
    );
  }

  async #suggestion(path: string): Promise<string | undefined> {
    try {
      return await suggestName((list) => this.get(list), path);
    } catch {
      // The refusal is clear enough without a suggestion.
      return undefined;
    }
  }

  #unreachable(error: unknown): string {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    const reason =
      (error as Error).name === 'TimeoutError'
        ? `no answer within ${this.#timeoutMs / 1000} s`
        : (cause?.code ?? cause?.message ?? String(error));
    if (/CERT|SIGN|ISSUER/.test(reason))
      return `the certificate of the balancer at ${this.url} is not believed (${reason}): use a name that it covers, and name the file of a private authority with --ca or SLUICE_CA`;
    return `cannot reach the balancer at ${this.url} (${reason}): start one with "sluice serve" or "sluice up", or give another address with --control or SLUICE_CONTROL`;
  }

  #unauthorized(): string {
    const what =
      this.#tokenOrigin === '' ? 'no admin token was found' : `the balancer at ${this.url} refused the token ${this.#tokenOrigin}`;
    return `${what}: ${tokenRemedy}`;
  }

  #throttled(seconds: string | null): string {
    const wait = seconds === null ? '' : `; it takes one again in ${seconds} s`;
    const own = this.#tokenOrigin === '' ? 'no admin token was found' : `the token ${this.#tokenOrigin} was not looked at`;
    return `the balancer at ${this.url} takes no token from this address for a moment, since too many wrong ones came from it; ${own}${wait}. If it is wrong: ${tokenRemedy}`;
  }
}

function controlUrl({ control }: Given, env: Environment): string {
  const text = (control ?? (env['SLUICE_CONTROL'] || defaultControl)).replace(/\/+$/, '');
  const origin = control === undefined ? 'SLUICE_CONTROL' : '--control';
  const remedy = `give ${origin} as http://HOST:PORT`;
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) throw new CommandFailure(`"${text}" is not the URL of a balancer: ${remedy}`);
  const { username, password, search, hash } = new URL(text);
  // The message does not quote the URL: these parts may be secret.
  if (username || password)
    throw new CommandFailure(`the URL in ${origin} has a user or a password in it: ${remedy}, and the token as --token`);
  if (search || hash) throw new CommandFailure(`the URL in ${origin} has a query or a fragment: ${remedy}`);
  return text;
}

function authorities({ ca }: Given, env: Environment): string | undefined {
  try {
    return readAuthorities(ca, env);
  } catch (error) {
    throw new CommandFailure((error as Error).message);
  }
}

async function findToken({ token }: Given, env: Environment): Promise<Token> {
  if (token !== undefined) return { token: sendable(token, '--token'), origin: 'given as --token' };
  const variable = env['SLUICE_ADMIN_TOKEN'];
  if (variable) return { token: sendable(variable, 'SLUICE_ADMIN_TOKEN'), origin: 'in SLUICE_ADMIN_TOKEN' };
  try {
    const found = await readToken(tokenFile);
    return { token: found, origin: found === undefined ? '' : `in ${tokenFile}` };
  } catch (error) {
    if (error instanceof SluiceError) throw new CommandFailure(error.message);
    throw error;
  }
}

/** Refuses a token that a header cannot carry. `fetch` would refuse it too, but its error message quotes the token. */
function sendable(token: string, origin: string): string {
  if (/^[\x21-\x7e]*$/.test(token)) return token;
  throw new CommandFailure(`the token in ${origin} has characters that a token cannot have: use visible ASCII characters without spaces`);
}

/** A JSON body. */
export function jsonBody(value: unknown): Body {
  return { type: 'application/json', content: JSON.stringify(value) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isProblem(json: unknown): json is Problem {
  return typeof json === 'object' && json !== null && 'code' in json && 'detail' in json && typeof json.detail === 'string';
}
