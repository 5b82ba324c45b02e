import type { X509Certificate } from 'node:crypto';
import { readProof } from '../certificates/balancer-proof.ts';
import type { ServerIdentity } from '../model/server-identity.ts';

/** Most proofs whose judgement is remembered. Each balancer has one for this server. */
const most = 256;

interface Parts {
  /** This server, as it is at present. */
  readonly server: () => ServerIdentity;
  /** Says why a certificate is not one of a balancer; undefined: it is. */
  readonly refusalOf: (certificate: X509Certificate) => string | undefined;
  /** Calls `listener` when other authorities are known. */
  readonly onChange: (listener: () => void) => () => void;
}

/** Recognizes the balancers of this registry on connections without TLS, by the proof that they send when they introduce themselves. */
export class KnownBalancers {
  readonly #parts: Parts;
  /** Judgements by proof. Asked at each request, since a connection may be older than what this server knows of authorities. */
  readonly #judged = new Map<string, boolean>();
  #environment: string | undefined;
  readonly stop: () => void;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.stop = parts.onChange(() => this.#judged.clear());
  }

  readonly knows = (proof: string): boolean => {
    const server = this.#parts.server();
    if (server.environment !== this.#environment) this.#judged.clear();
    this.#environment = server.environment;
    const known = this.#judged.get(proof);
    if (known !== undefined) return known;
    if (this.#judged.size >= most) this.#judged.clear();
    const certificate = readProof(proof, server);
    const isBalancer = certificate !== undefined && this.#parts.refusalOf(certificate) === undefined;
    this.#judged.set(proof, isBalancer);
    return isBalancer;
  };
}
