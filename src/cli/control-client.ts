import type { Problem } from '../control/problem.ts';
import { readToken } from '../control/tokens.ts';
import { SluiceError } from '../model/fault.ts';
import { Failure } from './failure.ts';

/** Where a command's `--token` and `--control` come from if not given. */
export const defaultControl = 'http://127.0.0.1:9000';
export const tokenFile = './data/admin.token';

/** The admin API said no. */
export class Refused extends Failure {
  readonly problem: Problem;

  constructor(problem: Problem) {
    // Lines are those of what was sent, which nobody has seen unless it was a file.
    super(problem.errors?.map(({ path, message }) => `${path} ${message}`.trim()).join('; ') ?? problem.detail);
    this.problem = problem;
  }
}

/** What is sent, and its content type. */
export interface Body {
  readonly type: string;
  readonly content: string | Uint8Array<ArrayBuffer>;
}

/** A client of a balancer's admin API. */
export class ControlClient {
  readonly url: string;
  readonly #token: string | undefined;
  readonly #tokenOrigin: string;

  private constructor(url: string, token: string | undefined, tokenOrigin: string) {
    this.url = url;
    this.#token = token;
    this.#tokenOrigin = tokenOrigin;
  }

  /** With what was given, else the environment's variables, else the defaults. */
  static async connect(
    given: { control?: string; token?: string },
    env: Readonly<Record<string, string | undefined>>,
  ): Promise<ControlClient> {
    const url = (given.control ?? env['SLUICE_CONTROL'] ?? defaultControl).replace(/\/+$/, '');
    if (!/^https?:\/\//.test(url) || !URL.canParse(url))
      throw new Failure(`"${url}" is no URL of a balancer: give --control http://HOST:PORT`);
    if (given.token !== undefined) return new ControlClient(url, sendable(given.token, '--token'), 'given as --token');
    const variable = env['SLUICE_ADMIN_TOKEN'];
    if (variable !== undefined && variable !== '') {
      return new ControlClient(url, sendable(variable, 'SLUICE_ADMIN_TOKEN'), 'in SLUICE_ADMIN_TOKEN');
    }
    try {
      const token = await readToken(tokenFile);
      return new ControlClient(url, token, token === undefined ? '' : `in ${tokenFile}`);
    } catch (error) {
      if (error instanceof SluiceError) throw new Failure(error.message);
      throw error;
    }
  }

  async get<Answer>(path: string): Promise<Answer> {
    return this.send<Answer>('GET', path);
  }

  /** The answer's JSON (undefined for none). Throws {@link Refused} or another {@link Failure} with one clear line. */
  async send<Answer>(method: string, path: string, body?: Body, condition: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const headers: Record<string, string> = { accept: 'application/json', ...condition };
    if (this.#token !== undefined) headers['authorization'] = `Bearer ${this.#token}`;
    if (body !== undefined) headers['content-type'] = body.type;
    let response: Response;
    let text: string;
    try {
      response = await fetch(this.url + path, {
        method,
        headers,
        redirect: 'error',
        signal: AbortSignal.timeout(60_000),
        ...(body !== undefined && { body: body.content }),
      });
      text = await response.text();
    } catch (error) {
      throw new Failure(this.#unreachable(error));
    }
    const json = parseJson(text);
    if (response.ok && (text === '' || json !== undefined)) return json as Answer;
    if (response.status === 401) throw new Failure(this.#turnedAway());
    if (isProblem(json)) throw new Refused(json);
    throw new Failure(`${this.url} answered ${response.status}, but not as Sluice's admin API does: is --control right?`);
  }

  #unreachable(error: unknown): string {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    const reason = (error as Error).name === 'TimeoutError' ? 'no answer within 60 s' : (cause?.code ?? cause?.message ?? String(error));
    return `cannot reach the balancer at ${this.url} (${reason}): start one with "sluice serve" or "sluice up", or point elsewhere with --control or SLUICE_CONTROL`;
  }

  #turnedAway(): string {
    const what =
      this.#tokenOrigin === '' ? 'no admin token was found' : `the balancer at ${this.url} refused the token ${this.#tokenOrigin}`;
    return `${what}: give --token, set SLUICE_ADMIN_TOKEN, or run where ${tokenFile} of the balancer is`;
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
