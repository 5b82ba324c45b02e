import { Agent, request } from 'node:http';

/** A request to the admin API, with the status that its answer must have. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body?: string | Buffer;
  readonly type?: string;
  /** Default: the admin token of the run; empty: no token. */
  readonly token?: string;
  readonly status: number | readonly number[];
}

/** Sends requests to the admin API without reading what the answers say, so that asking costs little beside what it causes. */
export class Asker {
  readonly #control: string;
  readonly #token: string;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(control: string, token: string) {
    this.#control = control;
    this.#token = token;
  }

  /** Resolves when the answer was read. Rejects if its status is not the expected one. */
  ask({ method, path, body, type = 'application/json', token = this.#token, status }: Asked): Promise<void> {
    const wanted = [status].flat();
    return new Promise((resolve, reject) => {
      const headers = {
        ...(token !== '' && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': type, 'content-length': Buffer.byteLength(body) }),
      };
      let answered = false;
      const asked = request(this.#control + path, { agent: this.#agent, method, headers }, (answer) => {
        answered = true;
        let text = '';
        answer.setEncoding('latin1').on('data', (piece: string) => {
          if (text.length < 300) text += piece;
        });
        answer.once('error', reject);
        answer.once('end', () => {
          if (wanted.includes(answer.statusCode ?? 0)) resolve();
          else reject(new Error(`${method} ${path}: ${answer.statusCode} ${text.slice(0, 300)}`));
        });
      });
      asked.on('error', (error: NodeJS.ErrnoException) => {
        // A refused body is not read to its end: the connection is cut after the answer, or while the body is still being sent.
        if (!answered && body !== undefined && wanted.every((one) => one >= 400) && /^(?:EPIPE|ECONNRESET)$/.test(error.code ?? ''))
          resolve();
        else if (!answered) reject(error);
      });
      asked.end(body);
    });
  }

  /** Runs tasks, `atOnce` at a time, until the signal, at least one. Resolves with the number of those that ended. */
  async repeat(atOnce: number, signal: AbortSignal, task: (index: number) => Promise<void>): Promise<number> {
    let next = 0;
    let done = 0;
    const one = async () => {
      do {
        await task(next++);
        done++;
      } while (!signal.aborted);
    };
    await Promise.all(Array.from({ length: atOnce }, one));
    return done;
  }

  close(): void {
    this.#agent.destroy();
  }
}
