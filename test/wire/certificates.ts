import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate with its key, PEM. */
export interface Certified {
  readonly cert: string;
  readonly key: string;
}

/** Makes an authority, certificates that it has signed, and one that it has not; with openssl, in `folder`. */
export function certificates(folder: string) {
  const make = (name: string, ...options: string[]): Certified => {
    const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
    const fresh = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', `/CN=${name}`];
    execFileSync('openssl', [...fresh, '-days', '2', '-keyout', key, '-out', cert, ...options], { stdio: 'pipe' });
    return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  };
  const authority = make('authority');
  const signed = ['-CA', join(folder, 'authority.pem'), '-CAkey', join(folder, 'authority.key')];
  const leaf = (name: string, names: string, ...options: string[]) =>
    make(name, '-addext', `subjectAltName=${names}`, '-addext', 'basicConstraints=critical,CA:FALSE', ...options);
  return {
    authority: authority.cert,
    /** For this machine: localhost and 127.0.0.1. */
    here: leaf('here', 'DNS:localhost,IP:127.0.0.1', ...signed),
    /** For a name that is not this machine's. */
    elsewhere: leaf('elsewhere', 'DNS:target.test', ...signed),
    selfSigned: leaf('self-signed', 'DNS:localhost,IP:127.0.0.1'),
  };
}
