import type { Problem } from '../../api/problem.ts';
import { readToken } from '../../config/token-file.ts';
import { SluiceError } from '../../model/fault.ts';
import { Failure } from '../failure.ts';
import { suggest } from './suggestion.ts';

/** Where a command's `--token` and `--control` come from if not given. */
export const defaultControl = 'http://127.0.0.1:9000';
export const tokenFile = './data/admin.token';

/** The admin API said no. */
export class Refused extends Failure {
  readonly problem: Problem;

  /** @param meant a name that is like the one nobody knows */
  constructor(problem: Problem, meant?: string) {
    // Lines are those of what was sent, which nobody has seen unless it was a file.
    const said = problem.errors?.map(({ path, message }) => `${path} ${message}`.trim()).join('; ') ?? problem.detail;
    super(meant === undefined ? said : `${said}; did you mean "${meant}"?`);
    this.problem = problem;
  }
}

/** The balancer did not answer. */
export class Unreachable extends Failure {}

/** What is sent, and its content type. */
export interface Body {
  readonly type: string;
  readonly content: string | Uint8Array<ArrayBuffer>;
}

interface Given {
  readonly control?: string;
  readonly token?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

interface Token {
  /** Undefined if there is none anywhere. */
  readonly token: string | undefined;
  readonly origin: string;
}

/** A client of a balancer's admin API. */
export class ControlClient {
  readonly url: string;
  readonly #token: string | undefined;
  readonly #tokenOrigin: string;
  readonly #timeoutMs: number;

  private constructor(url: string, timeoutMs: number, { token, origin }: Token) {
    this.url = url;
    this.#timeoutMs = timeoutMs;
    this.#token = token;
    this.#tokenOrigin = origin;
  }

  /**
   * With what was given, else the environment's variables, else the defaults.
   * @param timeoutMs how long an answer may take
   */
  static async connect(given: Given, env: Environment, timeoutMs = 60_000): Promise<ControlClient> {
    return new ControlClient(controlUrl(given, env), timeoutMs, await findToken(given, env));
  }

  /** The header that shows the token. */
  get credentials(): Readonly<Record<string, string>> {
    return this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
  }

  async get<Answer>(path: string): Promise<Answer> {
    return this.send<Answer>('GET', path);
  }

  /** The answer's JSON (undefined for none). Throws {@link Refused} or another {@link Failure} with one clear line. */
  async send<Answer>(method: string, path: string, body?: Body, condition: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const headers: Record<string, string> = { accept: 'application/json', ...this.credentials, ...condition };
    if (body !== undefined) headers['content-type'] = body.type;
    let response: Response;
    let text: string;
    try {
      response = await fetch(this.url + path, {
        method,
        headers,
        redirect: 'error',
        signal: AbortSignal.timeout(this.#timeoutMs),
        ...(body !== undefined && { body: body.content }),
      });
      text = await response.text();
    } catch (error) {
      throw new Unreachable(this.#unreachable(error));
    }
    const json = parseJson(text);
    if (response.ok && (text === '' || json !== undefined)) return json as Answer;
    if (response.status === 401) throw new Failure(this.#turnedAway());
    if (isProblem(json)) throw new Refused(json, json.code === 'not-found' ? await this.#suggestion(path) : undefined);
    throw new Failure(`${this.url} answered ${response.status}, but not as Sluice's admin API does: is --control right?`);
  }

  async #suggestion(path: string): Promise<string | undefined> {
    try {
      return await suggest(this, path);
    } catch {
      // The refusal says enough without it.
      return undefined;
    }
  }

  #unreachable(error: unknown): string {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    const reason =
      (error as Error).name === 'TimeoutError'
        ? `no answer within ${this.#timeoutMs / 1000} s`
        : (cause?.code ?? cause?.message ?? String(error));
    return `cannot reach the balancer at ${this.url} (${reason}): start one with "sluice serve" or "sluice up", or point elsewhere with --control or SLUICE_CONTROL`;
  }

  #turnedAway(): string {
    const what =
      this.#tokenOrigin === '' ? 'no admin token was found' : `the balancer at ${this.url} refused the token ${this.#tokenOrigin}`;
    return `${what}: give --token, set SLUICE_ADMIN_TOKEN, or run where ${tokenFile} of the balancer is`;
  }
}

function controlUrl({ control }: Given, env: Environment): string {
  const text = (control ?? (env['SLUICE_CONTROL'] || defaultControl)).replace(/\/+$/, '');
  const origin = control === undefined ? 'SLUICE_CONTROL' : '--control';
  const remedy = `give ${origin} as http://HOST:PORT`;
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) throw new Failure(`"${text}" is no URL of a balancer: ${remedy}`);
  const { username, password, search, hash } = new URL(text);
  // What stands there may be a secret, and must not be shown.
  if (username || password) throw new Failure(`the URL in ${origin} has a user or a password in it: ${remedy}, and the token as --token`);
  if (search || hash) throw new Failure(`the URL in ${origin} has a query or a fragment: ${remedy}`);
  return text;
}

async function findToken({ token }: Given, env: Environment): Promise<Token> {
  if (token !== undefined) return { token: sendable(token, '--token'), origin: 'given as --token' };
  const variable = env['SLUICE_ADMIN_TOKEN'];
  if (variable) return { token: sendable(variable, 'SLUICE_ADMIN_TOKEN'), origin: 'in SLUICE_ADMIN_TOKEN' };
  try {
    const found = await readToken(tokenFile);
    return { token: found, origin: found === undefined ? '' : `in ${tokenFile}` };
  } catch (error) {
    if (error instanceof SluiceError) throw new Failure(error.message);
    throw error;
  }
}

/** What can't stand in a header is refused here: the error of who tries would show it. */
function sendable(token: string, origin: string): string {
  if (/^[\x21-\x7e]*$/.test(token)) return token;
  throw new Failure(`the token in ${origin} has characters that no token has: only visible ASCII characters, no spaces`);
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
