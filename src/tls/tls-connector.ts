import net from 'node:net';
import tls from 'node:tls';
import { processResolver } from '../dns/resolver.ts';
import type { AddressGuard } from '../model/address-guard.ts';
import type { OutgoingTls } from '../model/outgoing-tls.ts';
import { type NotingSocket, noteCut } from './cut.ts';
import { explain } from './explain.ts';

/** Contexts by settings: connectors that were given the same object share one, with its certificates and key. */
const contexts = new WeakMap<OutgoingTls, tls.SecureContext>();

/**
 * Opens TLS connections (1.2 and 1.3) to one destination: checks the certificate, shows one if asked for it, and resumes the latest
 * session. Sessions stay in the connector, so that none is resumed with other settings, or another client certificate.
 */
export class TlsConnector {
  readonly #settings: OutgoingTls;
  #session: Buffer | undefined;

  constructor(settings: OutgoingTls = {}) {
    this.#settings = settings;
  }

  /**
   * Opens a connection, which is ready at its event `secureConnect`. Its event `error` says what failed and what to do about it; `cut`
   * of the socket says after `end` whether octets may be missing.
   * @param limitMs after which the caller gives up; addresses of a name share it. 0: no limit
   */
  connect(host: string, port: number, limitMs: number, guard?: AddressGuard): NotingSocket {
    const { verify = true, serverName = host } = this.#settings;
    const options: tls.ConnectionOptions & Pick<net.SocketConstructorOpts, 'allowHalfOpen'> = {
      ...(processResolver.dial(host, port, limitMs, guard) as tls.ConnectionOptions),
      allowHalfOpen: true,
      secureContext: contextOf(this.#settings),
      rejectUnauthorized: verify,
      ALPNProtocols: ['http/1.1'],
      // SNI has no addresses, and no dot at the end (RFC 6066 section 3).
      servername: net.isIP(serverName) === 0 ? serverName.replace(/\.$/, '') : '',
      checkServerIdentity: (_host, certificate) => tls.checkServerIdentity(serverName, certificate),
      ...(this.#session === undefined ? {} : { session: this.#session }),
    };
    const socket: NotingSocket = tls.connect(options);
    noteCut(socket);
    processResolver.observe(socket, host);
    socket.on('session', (session) => {
      this.#session = session;
    });
    socket.once('error', (error) => {
      // The server may no longer know the session.
      this.#session = undefined;
      explain(error);
    });
    return socket;
  }
}

function contextOf(settings: OutgoingTls): tls.SecureContext {
  const known = contexts.get(settings);
  if (known !== undefined) return known;
  const { ca, certificate: cert, key } = settings;
  const made = tls.createSecureContext({
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  });
  contexts.set(settings, made);
  return made;
}
