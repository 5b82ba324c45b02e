import http from 'node:http';
import { Duplex } from 'node:stream';

/** The result of Node's own strict parser. */
export type Reading = { readonly fault: string } | Understood;

export interface Understood {
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly version: string;
  /** Names and values, alternating, as sent. */
  readonly fields: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
  /** Statuses of the interim responses before it. */
  readonly interim: readonly number[];
}

/** A stand-in for a socket: yields the given bytes, and discards what is written. */
class FakeSocket extends Duplex {
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
server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) =>
  (socket as FakeSocket).settle({ fault: error.code ?? error.message }),
);

function readToEnd(message: http.IncomingMessage, upgraded: boolean, interim: number[] = []): void {
  const socket = message.socket as unknown as FakeSocket;
  const pieces: Buffer[] = [];
  const understood = () =>
    socket.settle({
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
  message.on('error', (error: NodeJS.ErrnoException) => socket.settle({ fault: error.code ?? error.message }));
  message.on('end', understood);
}

async function settled(begin: (settle: (reading: Reading) => void) => FakeSocket): Promise<Reading> {
  let socket: FakeSocket | undefined;
  try {
    return await new Promise<Reading>((resolve) => {
      socket = begin(resolve);
    });
  } finally {
    socket?.destroy();
  }
}

/** Has Node read the first request in `bytes`, its body included. */
export function nodeReadsRequest(bytes: Buffer): Promise<Reading> {
  return settled((settle) => {
    const socket = new FakeSocket(bytes, settle);
    server.emit('connection', socket);
    return socket;
  });
}

/** Has Node read `bytes` as the response to a request with `method`. */
export function nodeReadsResponse(bytes: Buffer, method: string): Promise<Reading> {
  return settled((settle) => {
    const socket = new FakeSocket(bytes, settle);
    const interim: number[] = [];
    const request = http.request({ createConnection: () => socket as never, method, maxHeaderSize: 1 << 20, insecureHTTPParser: false });
    request.on('information', (information) => interim.push(information.statusCode));
    request.on('response', (message) => readToEnd(message, false, interim));
    request.on('upgrade', (message) => readToEnd(message, true, interim));
    request.on('error', (error: NodeJS.ErrnoException) => settle({ fault: error.code ?? error.message }));
    request.end();
    return socket;
  });
}
