import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
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
    /** For a client; signed by the authority. */
    client: leaf('client', 'DNS:client.test', ...signed),
    /** For this machine, signed by the authority; it has expired. */
    expired: expired(folder, leaf('expired', 'DNS:localhost,IP:127.0.0.1', ...signed)),
    selfSigned: leaf('self-signed', 'DNS:localhost,IP:127.0.0.1'),
  };
}

/** Signs the certificate of `valid` once more, for days that are past. `openssl req` makes no such certificate. */
function expired(folder: string, valid: Certified): Certified {
  const at = (name: string) => join(folder, name);
  writeFileSync(at('index.txt'), '');
  writeFileSync(
    at('ca.cnf'),
    `[ca]\ndefault_ca=it\n[it]\ndatabase=${at('index.txt')}\nnew_certs_dir=${folder}\nrand_serial=yes\npolicy=any\n[any]\ncommonName=supplied\n[names]\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n`,
  );
  const openssl = (...options: string[]) => execFileSync('openssl', options, { stdio: 'pipe' });
  openssl('req', '-new', '-key', at('expired.key'), '-subj', '/CN=expired', '-out', at('expired.csr'));
  const dates = ['-startdate', '20200101000000Z', '-enddate', '20200102000000Z'];
  const signer = ['-cert', at('authority.pem'), '-keyfile', at('authority.key'), '-md', 'sha256', '-extensions', 'names'];
  openssl('ca', '-batch', '-notext', '-config', at('ca.cnf'), ...signer, ...dates, '-in', at('expired.csr'), '-out', at('past.pem'));
  return { cert: readFileSync(at('past.pem'), 'utf8'), key: valid.key };
}
