import { freePort } from '../tools/free-port.ts';

/** The ways in which pages write a port of this machine: in an address, in a Redis file, after -p or --port. */
const written = /(127\.0\.0\.1[: ]|\bport |-p )(\d{4,5})\b/g;

/** Maps the ports that a page names to ports that are free here. */
export class Ports {
  readonly #real = new Map<number, number>();

  set(written: number, real: number): void {
    this.#real.set(written, real);
  }

  /** Replaces the page's ports in a text by free ones. */
  async real(text: string): Promise<string> {
    for (const [, , port] of text.matchAll(written)) {
      if (!this.#real.has(Number(port))) this.#real.set(Number(port), await freePort());
    }
    return text.replace(written, (_whole, before: string, port: string) => `${before}${this.#real.get(Number(port))}`);
  }

  /** Replaces the free ports in an output by the page's ports. */
  written(text: string): string {
    let result = text;
    for (const [port, real] of this.#real) result = result.replaceAll(`127.0.0.1:${real}`, `127.0.0.1:${port}`);
    return result;
  }
}
