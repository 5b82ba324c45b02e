import net from 'node:net';
import tls from 'node:tls';

/** What is asked of a server's certificate; without any setting, what browsers ask. */
export interface SecureSettings {
  /** Authorities to trust, PEM, in place of the well-known ones. */
  readonly ca?: string | undefined;
  /** False: any certificate will do, so that whoever is on the way can read and change everything. Default true. */
  readonly verify?: boolean | undefined;
  /** The name that is asked for (SNI, RFC 6066 section 3) and that the certificate must be for, in place of the host. */
  readonly serverName?: string | undefined;
}

/** OpenSSL's names for certificates that do not satisfy, as far as there is something to be done about it here. */
const remedies: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'give the certificate as tls.ca of the target if it is to be trusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'give the certificate of its authority as tls.ca of the target if it is to be trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'give the certificate of its authority as tls.ca of the target if it is to be trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'give the certificate of its authority as tls.ca of the target if it is to be trusted',
  ERR_TLS_CERT_ALTNAME_INVALID: 'give the name that the certificate is for as tls.serverName of the target if that is the right server',
  CERT_HAS_EXPIRED: 'the server needs a new one',
  ERR_SSL_WRONG_VERSION_NUMBER: 'perhaps it speaks plain HTTP: then the URL starts with http://',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'it does not speak HTTP/1.1',
};

/** The way to make connections to one place secure (TLS 1.2 and 1.3): checks the certificate, and takes sessions up again. */
export class Secure {
  readonly #settings: SecureSettings;
  #context: tls.SecureContext | undefined;
  #session: Buffer | undefined;

  constructor(settings: SecureSettings = {}) {
    this.#settings = settings;
  }

  /** A connection that is ready at its event `secureConnect`; what is wrong with a certificate, and what to do, is said by `error`. */
  connect(host: string, port: number): tls.TLSSocket {
    const { ca, verify = true, serverName } = this.#settings;
    this.#context ??= tls.createSecureContext(ca === undefined ? {} : { ca });
    const servername = serverName ?? (net.isIP(host) === 0 ? host : undefined);
    const socket = tls.connect({
      host,
      port,
      secureContext: this.#context,
      rejectUnauthorized: verify,
      ALPNProtocols: ['http/1.1'],
      ...(servername === undefined ? {} : { servername }),
      ...(this.#session === undefined ? {} : { session: this.#session }),
    });
    socket.on('session', (session) => {
      this.#session = session;
    });
    socket.once('error', (error) => {
      // The server may have forgotten it.
      this.#session = undefined;
      explain(error);
    });
    return socket;
  }
}

/** Makes an error of OpenSSL's readable, and adds what to do about it. */
function explain(error: Error & { code?: string; reason?: string }): void {
  const { code = '', reason, message } = error;
  const words = reason !== undefined && message.includes(':error:') ? reason : message.replace(/[: ]+$/, '');
  const remedy = remedies[code];
  error.message = remedy === undefined ? words : `${words}: ${remedy}`;
}
