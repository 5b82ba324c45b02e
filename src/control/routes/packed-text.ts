import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzipSync } from 'node:zlib';

const unpack = promisify(gunzip);

/** Milliseconds after its last reader for which a text stays unpacked. */
const keptMs = 10_000;

/** A long text that is seldom asked for, kept compressed: it takes a fraction of the memory. */
export class PackedText {
  readonly #octets: Uint8Array;
  /** All who ask in a row share one text: to unpack it for each of them would take processors from traffic. */
  #unpacked: Promise<Buffer> | undefined;
  #forgetting: NodeJS.Timeout | undefined;

  /** @param octets the text, compressed by gzip */
  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  static of(text: string): PackedText {
    return new PackedText(gzipSync(text));
  }

  /** Differs for another text. */
  get hash(): string {
    return createHash('sha256').update(this.#octets).digest('base64url').slice(0, 22);
  }

  /** Unpacks the text, in another thread. The octets are shared by readers: they must not be changed. */
  read(): Promise<Buffer> {
    this.#unpacked ??= unpack(this.#octets);
    this.#forgetting ??= setTimeout(() => this.#forget(), keptMs).unref();
    this.#forgetting.refresh();
    return this.#unpacked;
  }

  #forget(): void {
    this.#unpacked = undefined;
    this.#forgetting = undefined;
  }
}
