import { Agent, type IncomingMessage, request } from 'node:http';

/** What a load has seen so far. */
export interface Tally {
  sent: number;
  /** Answered with 200 and exactly the body that was asked for. */
  right: number;
  /** One line for each that was not. */
  readonly wrong: string[];
  /** Answers by the server named in `x-served-by`. */
  readonly by: Map<string, number>;
  /** Answers by `x-revision`. */
  readonly revisions: Map<string, number>;
}

/** A constant load on one address: so many clients, each sending its next request when the last is answered; every body is checked. */
export class Load {
  readonly tally: Tally = { sent: 0, right: 0, wrong: [], by: new Map(), revisions: new Map() };
  readonly #agent = new Agent({ keepAlive: true });
  readonly #clients: Promise<void>[] = [];
  readonly #waiting = new Set<() => void>();
  #stopped = false;

  /** @param path `/base/`: a number is appended, which the target echoes */
  constructor(address: string, path: string, clients = 8) {
    for (let client = 0; client < clients; client++) this.#clients.push(this.#run(address, path, client));
  }

  /** Settles when `holds` does, looked at after every answer. */
  async until(holds: (tally: Tally) => boolean): Promise<void> {
    while (!holds(this.tally)) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Settles after so many more answers. */
  async more(answers: number): Promise<void> {
    const goal = this.tally.right + this.tally.wrong.length + answers;
    await this.until((tally) => tally.right + tally.wrong.length >= goal);
  }

  /** Forgets who answered so far. */
  recount(): void {
    this.tally.by.clear();
    this.tally.revisions.clear();
  }

  async stop(): Promise<Tally> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    this.#agent.destroy();
    return this.tally;
  }

  async #run(address: string, path: string, client: number): Promise<void> {
    const { tally } = this;
    for (let number = 0; !this.#stopped; number++) {
      const id = `${client}-${number}`;
      const method = number % 4 === 3 ? 'POST' : 'GET';
      tally.sent++;
      try {
        const { response, body } = await this.#exchange(`http://${address}${path}${id}`, method, id);
        const right = response.statusCode === 200 && body === `${method} ${id} ${method === 'POST' ? id : ''}`;
        if (right) tally.right++;
        else tally.wrong.push(`${method} ${id}: ${response.statusCode} ${body.slice(0, 200)}`);
        count(tally.by, response.headers['x-served-by']);
        count(tally.revisions, response.headers['x-revision']);
      } catch (error) {
        tally.wrong.push(`${method} ${id}: ${(error as Error).message}`);
      }
      for (const resolve of this.#waiting) resolve();
      this.#waiting.clear();
    }
  }

  #exchange(url: string, method: string, body: string): Promise<{ response: IncomingMessage; body: string }> {
    return new Promise((resolve, reject) => {
      const sent = request(url, { agent: this.#agent, method }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.once('end', () => resolve({ response, body: text }));
        response.once('error', reject);
        response.once('aborted', () => reject(new Error('the response broke off')));
      });
      sent.once('error', reject);
      sent.end(method === 'POST' ? body : undefined);
    });
  }
}

function count(counts: Map<string, number>, key: string | string[] | undefined): void {
  const name = String(key ?? 'none');
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
