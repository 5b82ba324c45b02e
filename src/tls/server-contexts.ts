import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions, type SecureVersion } from 'node:tls';
import type { Certificate } from './certificate.ts';
import { CertificateNames } from './certificate-names.ts';
import { severalAuthorities } from './client-identity.ts';
import type { HopTls } from './hop-tls.ts';
import type { ListenerTls, TlsEnvironment, TlsVersion } from './listener-tls.ts';

/**
 * Ciphers of Mozilla's intermediate configuration, those of TLS 1.3 first, in the order in which the server prefers them. DHE is left out:
 * each client that knows it knows ECDHE, and it makes handshakes dear for the server.
 */
const ciphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** OpenSSL's SSL_OP_NO_RENEGOTIATION, which Node does not name. */
const noRenegotiation = 1 << 30;

const ofServer = constants.SSL_OP_CIPHER_SERVER_PREFERENCE | noRenegotiation;
const withoutTickets = ofServer | constants.SSL_OP_NO_TICKET;

/** Options of a server that speaks TLS, without its certificate. */
export function serverOptions(minVersion: TlsVersion, ticketKey: string): SecureContextOptions {
  return {
    minVersion: `TLSv${minVersion}` as SecureVersion,
    ciphers,
    honorCipherOrder: true,
    ecdhCurve: 'X25519:prime256v1:secp384r1',
    secureOptions: ofServer,
    ticketKeys: Buffer.from(ticketKey, 'base64'),
    sessionIdContext: 'sluice',
  };
}

/** A certificate that is ready for handshakes. */
export interface ServerContext {
  readonly names: readonly string[];
  readonly options: SecureContextOptions;
  readonly context: SecureContext;
}

/** Makes the certificates of a listener ready for handshakes of one environment, to be found by name. */
export function serverContexts(tls: ListenerTls, { ticketKey }: TlsEnvironment): CertificateNames<ServerContext> {
  const shared = { ...serverOptions(tls.minVersion, ticketKey), ...clientOptions(tls) };
  return new CertificateNames(tls.certificates.map((certificate) => contextOf(certificate, shared)));
}

/** Options of a TLS server with a single certificate, as `tls.createServer` takes them. */
export function singleServerOptions({ chain, key }: Certificate, ticketKey: string): SecureContextOptions {
  return { ...serverOptions('1.2', ticketKey), cert: chain, key };
}

/** Options of a gateway's server for balancers. Both ends are Sluice's, so that TLS 1.3 alone suffices. */
export function hopOptions({ certificate, key, authorities, ticketKey }: HopTls): SecureContextOptions {
  return { ...serverOptions('1.3', ticketKey), cert: certificate, key, ca: [...authorities], sessionIdContext: 'sluice hop' };
}

/** Options for listeners that ask for client certificates. */
function clientOptions({ clientAuthorities = [], clientChains = false }: ListenerTls): SecureContextOptions {
  if (clientAuthorities.length === 0) return {};
  // A session does not tell which authority its certificate was checked against, so that sessions could pass from one environment to another. Nor
  // does it have the intermediate certificates, which may be revoked.
  const needsChain = clientChains || clientAuthorities.some(({ lists }) => lists.length > 0);
  const secureOptions = needsChain || severalAuthorities(clientAuthorities) ? withoutTickets : ofServer;
  return { ca: clientAuthorities.map(({ chain }) => chain), allowPartialTrustChain: true, secureOptions };
}

function contextOf({ chain, key, names }: Certificate, shared: SecureContextOptions): ServerContext {
  const options = { ...shared, cert: chain, key };
  return { names, options, context: createSecureContext(options) };
}
