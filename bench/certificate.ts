import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files of a certificate for `localhost` and 127.0.0.1, which all contenders use. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
  /** Both in one file, as HAProxy takes them. */
  readonly together: string;
}

/** Settings that all contenders are given, in the form of OpenSSL: Sluice's own defaults, first those of TLS 1.3, which the load speaks. */
export const tlsSettings = {
  ciphersuites: 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256',
  ciphers:
    'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305',
  curves: 'X25519:P-256:P-384',
} as const;

/** Makes a certificate on the curve P-256, signed by itself, with the openssl program. */
export function makeCertificate(folder: string): CertificateFiles {
  const files = { certificate: join(folder, 'bench.pem'), key: join(folder, 'bench.key'), together: join(folder, 'bench-both.pem') };
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...kind, ...names, '-keyout', files.key, '-out', files.certificate], { stdio: 'pipe' });
  writeFileSync(files.together, readFileSync(files.certificate, 'utf8') + readFileSync(files.key, 'utf8'));
  return files;
}
