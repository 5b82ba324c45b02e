const trustAuthority = 'to trust the authority that signed it, give the certificate of that authority as tls.ca';
const renew = 'give a valid one as tls.certificate and tls.key';
const otherCertificate =
  'the server does not accept the certificate shown to it; check tls.certificate and the authorities that the server trusts';

/** Remedies for errors of the TLS handshake, by error code. */
const remedies: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'to trust this certificate, give it as tls.ca',
  SELF_SIGNED_CERT_IN_CHAIN: trustAuthority,
  UNABLE_TO_GET_ISSUER_CERT: trustAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: trustAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: trustAuthority,
  ERR_TLS_CERT_ALTNAME_INVALID: 'if this is the right server, give the name in its certificate as tls.serverName',
  CERT_HAS_EXPIRED: 'the server needs a new certificate',
  CERT_NOT_YET_VALID: 'the server needs another certificate, unless the clock of this machine is wrong',
  INVALID_PURPOSE: 'the server needs a certificate that was issued for servers',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server may speak plain HTTP; if so, begin the URL with http://, or leave out tls of a static server',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the server may speak another protocol than TLS',
  ERR_SSL_NO_PROTOCOLS_AVAILABLE: 'the server must speak TLS 1.2 or 1.3',
};

/** Remedies for alerts of the server, by the alert's name. The prefix of the code differs between versions of TLS and OpenSSL. */
const alerts: Readonly<Record<string, string>> = {
  NO_APPLICATION_PROTOCOL: 'the server does not speak HTTP/1.1',
  CERTIFICATE_REQUIRED: 'the server wants a client certificate: give tls.certificate and tls.key',
  HANDSHAKE_FAILURE: 'the server may want a client certificate (tls.certificate and tls.key), or accept no cipher of this side',
  BAD_CERTIFICATE: otherCertificate,
  UNSUPPORTED_CERTIFICATE: otherCertificate,
  CERTIFICATE_UNKNOWN: otherCertificate,
  UNKNOWN_CA: 'the server does not trust the authority that signed tls.certificate',
  CERTIFICATE_EXPIRED: `tls.certificate has expired; ${renew}`,
  CERTIFICATE_REVOKED: `tls.certificate was revoked; ${renew}`,
  ACCESS_DENIED: otherCertificate,
  UNRECOGNIZED_NAME: 'the server does not know this name: give its name as tls.serverName',
};

/** Makes an OpenSSL error readable, and adds what to do about it. */
export function explain(error: Error & { code?: string; reason?: string }): void {
  const { code = '', reason, message } = error;
  // Node.js 24 appends advice about one of its own command line options, which Sluice's users cannot follow.
  const said = message.replace(/; if the root CA is installed locally.*$/, '');
  // The error of a write that waited for the handshake (EPROTO) has the reason of OpenSSL in its text only.
  const within = /:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+)/.exec(said)?.[1];
  const words = reason !== undefined && said.includes(':error:') ? reason : (within ?? said.replace(/[: ]+$/, ''));
  const alert = /^ERR_SSL_.*?_ALERT_(.*)$/.exec(code)?.[1] ?? /\balert (.*)$/.exec(words)?.[1]?.toUpperCase().replaceAll(' ', '_');
  const remedy = remedies[code] ?? alerts[alert ?? ''];
  error.message = remedy === undefined ? words : `${words}: ${remedy}`;
}
