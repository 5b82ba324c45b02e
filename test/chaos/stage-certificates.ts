import { X509Certificate } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CertificateFolder } from '../tools/certificate-folder.ts';
import { ownFolder } from '../tools/own-folder.ts';
import type { Owner } from '../tools/owner.ts';
import { SecureClients } from './secure-clients.ts';

const name = 'shop.example';

/** The certificate of a stage's environment, in files that can be replaced. */
export class StageCertificates {
  /** As a configuration names them. */
  readonly files: { readonly certificate: string; readonly key: string };
  readonly clients: SecureClients;
  /** Settings of the environment. */
  readonly settings: object;
  readonly #made: CertificateFolder;

  constructor(owner: Owner) {
    this.#made = new CertificateFolder(owner);
    const folder = ownFolder(owner);
    this.files = { certificate: join(folder, 'shop.pem'), key: join(folder, 'shop.key') };
    this.settings = { tls: { certificates: [this.files] } };
    this.clients = new SecureClients(name, readFileSync(this.#made.root.certificate, 'utf8'));
    this.replace();
  }

  /** Writes a new certificate over the files, one file after the other. Returns its fingerprint. */
  replace(files = this.files): string {
    const { certificate, key } = this.#made.issue({ names: [name] });
    copyFileSync(certificate, files.certificate);
    copyFileSync(key, files.key);
    return new X509Certificate(readFileSync(certificate)).fingerprint256;
  }

  /** Writes a key that does not fit. */
  spoil(): void {
    writeFileSync(this.files.key, readFileSync(this.#made.root.key));
  }
}
