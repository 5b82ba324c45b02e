import net from 'node:net';
import tls from 'node:tls';
import { processResolver } from '../../dns/resolver.ts';
import type { AddressGuard } from '../../model/address-guard.ts';

/** Settings for the check of a server's certificate. The defaults are what browsers check: a well-known authority, and the host's name. */
export interface TlsSettings {
  /** Certificates of the authorities to trust instead of the well-known ones, as PEM. */
  readonly ca?: string | undefined;
  /** False accepts any certificate, so that anyone on the network path can read and change everything. Default true. */
  readonly verify?: boolean | undefined;
  /** Name to request (SNI, RFC 6066 section 3) and to expect in the certificate, instead of the host. */
  readonly serverName?: string | undefined;
}

const trustAuthority = 'to trust the authority that signed it, give the certificate of that authority as tls.ca of the target';

/** Remedies for errors of the TLS handshake, by error code. */
const remedies: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'to trust this certificate, give it as tls.ca of the target',
  SELF_SIGNED_CERT_IN_CHAIN: trustAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: trustAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: trustAuthority,
  ERR_TLS_CERT_ALTNAME_INVALID: 'if this is the right server, give the name in its certificate as tls.serverName of the target',
  CERT_HAS_EXPIRED: 'the server needs a new certificate',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server may speak plain HTTP; if so, begin the URL with http://',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'the server does not speak HTTP/1.1',
};

/** Opens TLS connections (1.2 and 1.3) to one destination: checks the certificate, and resumes sessions. */
export class TlsConnector {
  readonly #settings: TlsSettings;
  #context: tls.SecureContext | undefined;
  #session: Buffer | undefined;

  constructor(settings: TlsSettings = {}) {
    this.#settings = settings;
  }

  /**
   * Opens a connection, which is ready at its event `secureConnect`. Its event `error` says what failed and what to do about it.
   * @param limitMs after which the caller gives up; addresses of a name share it. 0: no limit
   */
  connect(host: string, port: number, limitMs: number, guard?: AddressGuard): tls.TLSSocket {
    const { ca, verify = true, serverName } = this.#settings;
    this.#context ??= tls.createSecureContext(ca === undefined ? {} : { ca });
    const servername = serverName ?? (net.isIP(host) === 0 ? host : undefined);
    const options: tls.ConnectionOptions & Pick<net.SocketConstructorOpts, 'allowHalfOpen'> = {
      ...(processResolver.dial(host, port, limitMs, guard) as tls.ConnectionOptions),
      allowHalfOpen: true,
      secureContext: this.#context,
      rejectUnauthorized: verify,
      ALPNProtocols: ['http/1.1'],
      ...(servername === undefined ? {} : { servername }),
      ...(this.#session === undefined ? {} : { session: this.#session }),
    };
    const socket = tls.connect(options);
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

/** Makes an OpenSSL error readable, and adds what to do about it. */
function explain(error: Error & { code?: string; reason?: string }): void {
  const { code = '', reason, message } = error;
  // Node.js 24 appends advice about one of its own command line options, which Sluice's users cannot follow.
  const said = message.replace(/; if the root CA is installed locally.*$/, '');
  const words = reason !== undefined && said.includes(':error:') ? reason : said.replace(/[: ]+$/, '');
  const remedy = remedies[code];
  error.message = remedy === undefined ? words : `${words}: ${remedy}`;
}
