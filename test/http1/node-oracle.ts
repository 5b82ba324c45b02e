import http from 'node:http';
import { Duplex } from 'node:stream';

/** What Node's own strict parser makes of some bytes. */
export type Reading = { readonly fault: string } | Understood;

export interface Understood {
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly version: string;
  /** Names and values in turn, as sent. */
  readonly fields: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
  /** The interim responses before it. */
  readonly interim: readonly number[];
}

/** One end of a connection that is no socket: gives out the bytes it was made with, and swallows what is written. */
class Wire extends Duplex {
  readonly settle: (reading: Reading) => void;

  constructor(bytes: Buffer, settle: (reading: Reading) => void) {
    super();
    this.settle = settle;
    this.push(Buffer.from(bytes));
    this.push(null);
  }

  override _read(): void {}
  override _write(_chunk: unknown, _encoding: unknown, done: () => void): void {
    done();
  }
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}

const server = http.createServer({ requireHostHeader: false, maxHeaderSize: 1 << 20, insecureHTTPParser: false });
server.maxHeadersCount = 0;
for (const event of ['request', 'checkContinue', 'checkExpectation', 'upgrade', 'connect']) {
  server.on(event, (message: http.IncomingMessage) => readToEnd(message, event === 'upgrade' || event === 'connect'));
}
server.on('clientError', (error: NodeJS.ErrnoException, wire: Duplex) => (wire as Wire).settle({ fault: error.code ?? error.message }));

function readToEnd(message: http.IncomingMessage, upgraded: boolean, interim: number[] = []): void {
  const wire = message.socket as unknown as Wire;
  const pieces: Buffer[] = [];
  const understood = () =>
    wire.settle({
      method: message.method ?? '',
      target: message.url ?? '',
      status: message.statusCode ?? 0,
      version: message.httpVersion,
      fields: message.rawHeaders,
      body: Buffer.concat(pieces).toString('latin1'),
      trailers: message.rawTrailers,
      interim,
    });
  if (upgraded) {
    understood();
    return;
  }
  message.on('data', (piece: Buffer) => pieces.push(piece));
  message.on('error', (error: NodeJS.ErrnoException) => wire.settle({ fault: error.code ?? error.message }));
  message.on('end', understood);
}

async function settled(begin: (settle: (reading: Reading) => void) => Wire): Promise<Reading> {
  let wire: Wire | undefined;
  try {
    return await new Promise<Reading>((resolve) => {
      wire = begin(resolve);
    });
  } finally {
    wire?.destroy();
  }
}

/** How Node reads the first request in `bytes`, its body included. */
export function nodeReadsRequest(bytes: Buffer): Promise<Reading> {
  return settled((settle) => {
    const wire = new Wire(bytes, settle);
    server.emit('connection', wire);
    return wire;
  });
}

/** How Node reads `bytes` as the response to a request with that method. */
export function nodeReadsResponse(bytes: Buffer, method: string): Promise<Reading> {
  return settled((settle) => {
    const wire = new Wire(bytes, settle);
    const interim: number[] = [];
    const request = http.request({ createConnection: () => wire as never, method, maxHeaderSize: 1 << 20, insecureHTTPParser: false });
    request.on('information', (information) => interim.push(information.statusCode));
    request.on('response', (message) => readToEnd(message, false, interim));
    request.on('upgrade', (message) => readToEnd(message, true, interim));
    request.on('error', (error: NodeJS.ErrnoException) => settle({ fault: error.code ?? error.message }));
    request.end();
    return wire;
  });
}
