import { X509Certificate } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import tls from 'node:tls';
import { CertificateFolder } from '../tools/certificate-folder.ts';
import { Load, type LoadTls } from '../tools/load.ts';
import { ownFolder } from '../tools/own-folder.ts';
import type { Owner } from '../tools/owner.ts';

const name = 'shop.example';

/** The certificate of a stage's environment, in files that can be replaced. */
export class StageCertificates {
  /** As a configuration names them. */
  readonly files: { readonly certificate: string; readonly key: string };
  readonly #made: CertificateFolder;

  constructor(owner: Owner) {
    this.#made = new CertificateFolder(owner);
    const folder = ownFolder(owner);
    this.files = { certificate: join(folder, 'shop.pem'), key: join(folder, 'shop.key') };
    this.replace();
  }

  /** Loads over TLS: one that keeps its connections, one that makes a whole handshake for each request, one that resumes sessions. */
  loads(address: string, clients: number, restMs: number): Load[] {
    return (['kept', 'new', 'resumed'] as const).map((connections) => {
      const some = connections === 'kept' ? clients : 2;
      return new Load(address, `/echo/${connections}`, { clients: some, restMs, tls: this.#asked(connections) });
    });
  }

  #asked(connections: LoadTls['connections']): LoadTls {
    return { ca: readFileSync(this.#made.root.certificate, 'utf8'), servername: name, connections };
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

  /** Fingerprint of the certificate that a new client gets. */
  served(address: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const [host, port] = address.split(':');
      const socket = tls.connect({ host, port: Number(port), ...this.#asked('new') }, () => {
        resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
        socket.destroy();
      });
      socket.once('error', reject);
    });
  }
}
