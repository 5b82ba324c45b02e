import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { type CertificateSigner, noEnd, writeCertificate } from './certificate.ts';
import { makeKeyPair, privatePem } from './key-pair.ts';

/** Authority of a registry, which certifies its servers and balancers for the connections between them. */
export class Authority {
  /** PEM. */
  readonly certificate: string;
  /** Names the authority by its key. */
  readonly id: string;
  readonly x509: X509Certificate;
  readonly #signer: CertificateSigner;

  private constructor(certificate: string, privateKey: KeyObject) {
    this.certificate = certificate;
    this.x509 = new X509Certificate(certificate);
    this.id = identify(this.x509.publicKey);
    const publicKey = this.x509.publicKey.export({ type: 'spki', format: 'der' });
    this.#signer = { name: this.x509.subject.replace(/^CN=/, ''), privateKey, publicKey };
  }

  /** Makes an authority with a new key. Its certificate does not end: an authority is replaced, not renewed. */
  static make(now: number): Authority {
    const { publicKey, privateKey } = makeKeyPair();
    const name = `Sluice registry ${identify(publicKey)}`;
    const content = { name, publicKey, purpose: 'authority', from: now - 24 * 3_600_000, until: noEnd } as const;
    return new Authority(writeCertificate(content, { name, privateKey }), privateKey);
  }

  /** Reads an authority from its certificate and private key, both PEM. Throws if they are damaged, or do not belong together. */
  static read({ certificate, privateKey }: { readonly certificate: string; readonly privateKey: string }): Authority {
    const key = createPrivateKey(privateKey);
    const authority = new Authority(certificate, key);
    if (!authority.x509.checkPrivateKey(key)) throw new Error('the private key of the authority is not the one of its certificate');
    return authority;
  }

  /** Private key, PEM, PKCS #8. */
  get privateKey(): string {
    return privatePem(this.#signer.privateKey);
  }

  /** Issues a certificate (PEM) for a server or a balancer, whose name is a URI. */
  issue(holder: { uri: string; publicKey: KeyObject | Buffer; purpose: 'server' | 'client'; from: number; until: number }): string {
    const { uri, publicKey, purpose, from, until } = holder;
    const name = uri.slice(uri.lastIndexOf('/') + 1);
    return writeCertificate({ name, publicKey, purpose, names: { uris: [uri] }, from, until }, this.#signer);
  }
}

/** Names a key by its digest. */
export function identify(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, 16);
}
