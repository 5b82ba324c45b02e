import { connect, type TcpSocketConnectOpts } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { AbstractConnector, type RedisOptions } from 'ioredis';
import { processResolver } from '../../dns/resolver.ts';

/** Opens ioredis' connections to a single Redis. Unlike ioredis' own connector, it leaves names to Sluice's resolver. */
export class NamedConnector extends AbstractConnector {
  readonly #options: RedisOptions;

  constructor(options: unknown) {
    super((options as RedisOptions).disconnectTimeout as number);
    this.#options = options as RedisOptions;
  }

  async connect(): Promise<NonNullable<typeof this.stream>> {
    const { host = '127.0.0.1', port = 6379, tls, connectTimeout = 0 } = this.#options;
    const dial = processResolver.dial(host, port, connectTimeout);
    this.connecting = true;
    // ioredis may disconnect before it is given the stream.
    await Promise.resolve();
    if (!this.connecting) throw new Error('Connection is closed.');
    const stream = tls === undefined ? connect(dial as TcpSocketConnectOpts) : connectTls({ ...tls, ...(dial as ConnectionOptions) });
    this.stream = processResolver.observe(stream, host);
    stream.once('error', (error) => {
      this.firstError = error;
    });
    return stream;
  }
}
