import type { AcmeSpec } from '../model/acme.ts';
import type { Certificate } from './certificate.ts';

/** Answers to the open challenges of authorities, as plain data, so that they can be sent to a worker process. */
export interface ChallengeAnswers {
  /** Content for each token that an authority asks for at `/.well-known/acme-challenge/` (RFC 8555 section 8.3). */
  readonly http: Readonly<Record<string, string>>;
  /** Certificates for clients that speak the protocol `acme-tls/1` (RFC 8737). */
  readonly tls: readonly Certificate[];
}

/** Attempts to get a certificate since the last one, all without success. */
export interface IssueFailure {
  /** Date of the last one. */
  readonly at: number;
  readonly attempts: number;
  /** The authority's reason, and what to do. */
  readonly reason: string;
  /** Date of the next one. */
  readonly retryAt: number;
}

/** State of a name whose certificate an authority issues. Dates in milliseconds since 1970. */
export interface IssuedState {
  readonly name: string;
  /** The issued certificate in use; undefined: there is none yet, and a self-signed one answers. */
  readonly certificate?: Certificate;
  /** Date of the renewal. */
  readonly renewAt?: number;
  readonly failure?: IssueFailure;
}

/** Certificates that authorities issue for names, shared by all balancers on one registry. */
export interface IssuedCertificates {
  /** Called when a certificate, or an answer to a challenge, is another one than before. */
  changed: () => void;
  /** Reads what is kept. Resolves also if the registry cannot be reached: then it is read later. */
  load(): Promise<void>;
  /** Sets the names that are to have certificates, each with the settings of its authority. */
  want(names: ReadonlyMap<string, AcmeSpec>): void;
  /** The certificate of a name; before the first is issued, a self-signed one. */
  find(name: string): Certificate;
  /** Undefined while no challenge is open. */
  readonly answers: ChallengeAnswers | undefined;
  /** State of each wanted name. */
  readonly states: readonly IssuedState[];
  /** State of a name; undefined: it is not wanted. */
  stateOf(name: string): IssuedState | undefined;
  close(): Promise<void>;
}
