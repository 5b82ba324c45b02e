import type { X509Certificate } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import { processResolver } from '../dns/resolver.ts';
import type { AddressGuard } from '../model/address-guard.ts';
import type { OutgoingTls } from '../model/outgoing-tls.ts';
import { type NotingSocket, noteCut } from './cut.ts';
import { explain } from './explain.ts';

/** Contexts by settings: connectors that were given the same object share one, with its certificates and key. */
const contexts = new WeakMap<OutgoingTls, tls.SecureContext>();

/** Says why the certificate that a peer has shown is not accepted; undefined: it is. */
export type Refuse = (certificate: X509Certificate | undefined, settings: OutgoingTls) => string | undefined;

/** A session that can be resumed. */
interface Session {
  readonly ticket: Buffer;
  /** The peer's certificate, from the handshake that the session goes back to; kept only where it is judged. */
  readonly certificate: X509Certificate | undefined;
}

/** One connection to be opened. */
interface Opening {
  /** Milliseconds after which the caller gives up; addresses of a name share it. 0: no limit. */
  readonly limitMs: number;
  readonly guard?: AddressGuard | undefined;
  /** Octets to send before the handshake. */
  readonly preface?: Buffer | undefined;
  /** Called once the handshake is complete, and the peer's certificate accepted. */
  secured(): void;
}

/**
 * Opens TLS connections (1.2 and 1.3) to one destination: checks the certificate, shows one if asked for it, and resumes the latest
 * session. Sessions stay in the connector, so that none is resumed with other settings, or another client certificate.
 */
export class TlsConnector {
  #settings: OutgoingTls;
  readonly #refuse: Refuse | undefined;
  #session: Session | undefined;

  /** @param refuse judges the certificate of each connection, of resumed ones too, besides what `settings` demand; default: nothing else is demanded */
  constructor(settings: OutgoingTls = {}, refuse?: Refuse) {
    this.#settings = settings;
    this.#refuse = refuse;
  }

  /** Takes other settings for the connections to come, which resume no session of the earlier ones. */
  adopt(settings: OutgoingTls): void {
    this.#settings = settings;
    this.#session = undefined;
  }

  /**
   * Opens a connection. Nothing may be written before `secured` is called: the peer has proved by then who it is. The event `error` of the
   * socket says what failed and what to do about it; `cut` says after `end` whether octets may be missing.
   */
  connect(host: string, port: number, { limitMs, guard, preface, secured }: Opening): NotingSocket {
    const { verify = true, serverName = host } = this.#settings;
    const dial = processResolver.dial(host, port, limitMs, guard) as net.TcpSocketConnectOpts;
    const options: tls.ConnectionOptions & Pick<net.SocketConstructorOpts, 'allowHalfOpen'> = {
      ...(preface === undefined ? (dial as tls.ConnectionOptions) : { socket: prefaced(dial, preface, host) }),
      allowHalfOpen: true,
      secureContext: contextOf(this.#settings),
      rejectUnauthorized: verify,
      ALPNProtocols: ['http/1.1'],
      // SNI has no addresses, and no dot at the end (RFC 6066 section 3).
      servername: net.isIP(serverName) === 0 ? serverName.replace(/\.$/, '') : '',
      checkServerIdentity: (_host, certificate) => tls.checkServerIdentity(serverName, certificate),
      ...(this.#session === undefined ? {} : { session: this.#session.ticket }),
    };
    const socket: NotingSocket = tls.connect(options);
    noteCut(socket);
    processResolver.observe(socket, host);
    const settings = this.#settings;
    const resumed = this.#session;
    let certificate: X509Certificate | undefined;
    socket.on('session', (ticket) => {
      if (settings === this.#settings) this.#session = { ticket, certificate };
    });
    socket.once('secureConnect', () => {
      // Node tells the certificate once, and not at all if the session is resumed.
      if (this.#refuse !== undefined) certificate = socket.isSessionReused() ? resumed?.certificate : socket.getPeerX509Certificate();
      const refused = this.#refuse?.(certificate, settings);
      if (refused === undefined) secured();
      else socket.destroy(new Error(refused));
    });
    socket.once('error', (error) => {
      // The server may no longer know the session.
      this.#session = undefined;
      explain(error);
    });
    return socket;
  }
}

/** Opens a connection that begins with `preface`. TLS takes over its handle, and one handle serves one address: the first of a name. */
function prefaced(dial: net.TcpSocketConnectOpts, preface: Buffer, host: string): net.Socket {
  const socket = processResolver.observe(net.connect({ ...dial, autoSelectFamily: false, allowHalfOpen: true }), host);
  socket.write(preface);
  return socket;
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
