import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ownFolder } from './own-folder.ts';
import type { Owner } from './owner.ts';

/** Files of a certificate with its key, in a folder of certificates. */
export interface IssuedCertificate {
  readonly certificate: string;
  readonly key: string;
}

interface Wishes {
  /** DNS names and IP addresses; the first is the common name. */
  readonly names: readonly string[];
  /** Name of the files, without their endings; default: a number. */
  readonly file?: string;
  /** Dates as openssl takes them, such as 20200101000000Z. */
  readonly from?: string;
  readonly until?: string;
  /** Issuer; default: the root. */
  readonly by?: IssuedCertificate | 'itself';
  readonly authority?: boolean;
  readonly rsa?: boolean;
}

/** A folder of certificates, made by the openssl program for one test, with a root of its own. */
export class CertificateFolder {
  readonly folder: string;
  /** The root that issued the certificates; `root.certificate` is for clients. */
  readonly root: IssuedCertificate;
  #made = 0;

  constructor(owner: Owner, folder = ownFolder(owner)) {
    this.folder = folder;
    this.root = this.issue({ names: ['Sluice test root'], file: 'root', authority: true, by: 'itself' });
  }

  /** Issues a certificate. The certificate file holds it alone. */
  issue({
    names,
    file = String(++this.#made),
    from = '20200101000000Z',
    until = '20991231235959Z',
    by = this.root,
    authority = false,
    rsa = false,
  }: Wishes): IssuedCertificate {
    const at = join(this.folder, file);
    const key = `${at}.key`;
    const certificate = `${at}.pem`;
    const kind = rsa
      ? ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']
      : ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];
    openssl('genpkey', ...kind, '-out', key);
    openssl('req', '-new', '-key', key, '-subj', `/CN=${names[0]}`, '-out', `${at}.csr`);
    const alternatives = names.map((name) => (/^[\d.]+$|:/.test(name) ? `IP:${name}` : `DNS:${name}`));
    writeFileSync(
      `${at}.cnf`,
      authority
        ? '[ca]\ndefault_ca=x\n[x]\n[e]\nbasicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n'
        : `[e]\nbasicConstraints=critical,CA:false\nsubjectAltName=${alternatives.join()}\nextendedKeyUsage=serverAuth,clientAuth\n`,
    );
    writeFileSync(`${at}.index`, '');
    writeFileSync(
      `${at}.ca`,
      `[ca]\ndefault_ca=x\n[x]\ndatabase=${at}.index\nnew_certs_dir=${this.folder}\nrand_serial=yes\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n`,
    );
    const issuer = by === 'itself' ? ['-selfsign', '-keyfile', key] : ['-cert', by.certificate, '-keyfile', by.key];
    openssl(
      ...['ca', '-batch', '-notext', '-config', `${at}.ca`, '-in', `${at}.csr`, '-out', certificate, '-startdate', from, '-enddate', until],
      ...['-extfile', `${at}.cnf`, '-extensions', 'e', ...issuer],
    );
    return { certificate, key };
  }

  /** Writes a revocation list of `by`, by default the root's; returns its file. `extensions` are lines of openssl's configuration. */
  revoke(
    revoked: readonly IssuedCertificate[],
    {
      by = this.root,
      file = join(this.folder, `${++this.#made}.crl`),
      from = '20200101000000Z',
      until = '20991231235959Z',
      extensions = 'authorityKeyIdentifier=keyid',
      options = [] as readonly string[],
    } = {},
  ): string {
    const at = `${file}.${++this.#made}`;
    const serials = revoked.map(({ certificate }) => new X509Certificate(readFileSync(certificate)).serialNumber);
    writeFileSync(`${at}.index`, serials.map((serial) => `R\t991231235959Z\t200101000000Z\t${serial}\tunknown\t/CN=x\n`).join(''));
    writeFileSync(`${at}.index.attr`, 'unique_subject=no\n');
    writeFileSync(`${at}.ca`, `[ca]\ndefault_ca=x\n[x]\ndatabase=${at}.index\ndefault_md=sha256\ncrl_extensions=e\n[e]\n${extensions}\n`);
    const issuer = ['-cert', by.certificate, '-keyfile', by.key];
    const dates = ['-crl_lastupdate', from, '-crl_nextupdate', until];
    openssl('ca', '-gencrl', '-config', `${at}.ca`, '-out', `${at}.new`, ...dates, ...issuer, ...options);
    // In one step, as programs that fetch lists do.
    renameSync(`${at}.new`, file);
    return file;
  }

  /** Writes a file of several certificates, in this order. */
  chain(...parts: readonly IssuedCertificate[]): string {
    const file = join(this.folder, `${++this.#made}-chain.pem`);
    writeFileSync(file, parts.map(({ certificate }) => readFileSync(certificate, 'utf8')).join(''));
    return file;
  }
}

/** The PEM texts of a certificate and its key, as Node's TLS takes them. */
export function textsOf({ certificate, key }: IssuedCertificate): { readonly cert: string; readonly key: string } {
  return { cert: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') };
}

export function openssl(...args: string[]): string {
  return execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
