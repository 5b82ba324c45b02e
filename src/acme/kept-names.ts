import type { X509Certificate } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { challengeTypes } from '../model/acme.ts';
import { chainFault, pairFault, readCertificates } from '../model/certificate.ts';
import type { Log } from '../model/log.ts';
import { type Certificate, describeCertificate } from '../tls/certificate.ts';
import { coversHost } from '../tls/certificate-names.ts';
import type { ChallengeAnswers } from '../tls/issued-certificates.ts';
import { json } from './acme-connection.ts';
import type { ChallengeAnswer } from './acme-order.ts';
import { type Issued, type NameState, nameState } from './name-state.ts';
import type { SecretStore } from './secret-store.ts';
import { challengeCertificate } from './temporary-certificates.ts';

const namePrefix = 'acme:name:';
const challengesName = 'acme:challenges';

const challenges = z.array(z.object({ name: z.string(), type: z.enum(challengeTypes), token: z.string(), keyAuthorization: z.string() }));

interface Entry {
  readonly state: NameState;
  readonly certificate: Certificate | undefined;
}

/** The names, certificates and open challenges that the registry keeps, as they were last read. */
export class KeptNames {
  readonly #store: SecretStore;
  readonly #logger: Log;
  readonly #date: () => number;
  #entries = new Map<string, Entry>();
  #challenges: readonly ChallengeAnswer[] = [];
  #answers: ChallengeAnswers | undefined;

  constructor(store: SecretStore, logger: Log, date: () => number) {
    this.#store = store;
    this.#logger = logger;
    this.#date = date;
  }

  get answers(): ChallengeAnswers | undefined {
    return this.#answers;
  }

  /** All names, also those that are wanted no more. */
  get names(): Iterable<string> {
    return this.#entries.keys();
  }

  stateOf(name: string): NameState {
    return this.#entries.get(name)?.state ?? {};
  }

  certificateOf(name: string): Certificate | undefined {
    return this.#entries.get(name)?.certificate;
  }

  /** Reads everything again. Resolves with true if a certificate or an answer is another one than before. */
  async readAll(): Promise<boolean> {
    const documents = await this.#store.list(namePrefix);
    const open = await this.#store.get(challengesName);
    const before = new Map(this.#entries);
    const listed = new Set(documents.map(({ name }) => name.slice(namePrefix.length)));
    // A document that cannot be opened now is not listed: its certificate stays as long as it is valid.
    for (const [name, { certificate }] of before)
      if (!listed.has(name) && (certificate?.notAfter ?? 0) <= this.#date()) this.#entries.delete(name);
    for (const { name, text } of documents) this.#take(name.slice(namePrefix.length), text);
    const answersChanged = this.#answer(open?.text);
    return answersChanged || [...this.#entries].some(([name, { certificate }]) => !isSame(certificate, before.get(name)?.certificate));
  }

  /**
   * Reads the state of a name as it is now. A damaged one is replaced by the next one that is written. Rejects if another key sealed it, or if the
   * registry cannot be reached.
   */
  async read(name: string): Promise<{ state: NameState; revision: number }> {
    const kept = await this.#store.get(namePrefix + name);
    if (kept?.fault?.code === 'invalid') throw kept.fault;
    if (kept === undefined) this.#entries.delete(name);
    else if (kept.text !== undefined) this.#take(name, kept.text);
    return { state: this.stateOf(name), revision: kept?.revision ?? 0 };
  }

  /** Keeps the state of a name that was read before, unless another balancer has changed it since: resolves with false. */
  async write(name: string, state: NameState, revision: number): Promise<boolean> {
    const text = JSON.stringify(state);
    const written = await this.#store.put(namePrefix + name, text, revision);
    if (written) this.#take(name, text);
    return written;
  }

  /** Removes a name that is wanted no more. */
  async forget(name: string, revision: number): Promise<void> {
    if (await this.#store.remove(namePrefix + name, revision)) this.#entries.delete(name);
  }

  /**
   * Replaces the open challenges, for all balancers, whatever is kept of earlier ones.
   * @param open gives the present ones: others may be opened and closed meanwhile
   */
  async challenge(open: () => readonly ChallengeAnswer[]): Promise<void> {
    for (;;) {
      const kept = await this.#store.get(challengesName);
      const answers = open();
      if (kept === undefined && answers.length === 0) break;
      const text = JSON.stringify(answers);
      if (kept?.text === text || (await this.#store.put(challengesName, text, kept?.revision ?? 0))) break;
    }
    this.#answer(JSON.stringify(open()));
  }

  #take(name: string, text: string): void {
    const { data: state } = nameState.safeParse(json(text));
    if (state === undefined) {
      this.#logger.warn(
        { name },
        'what the registry keeps of the certificate is damaged, or a newer Sluice wrote it: the next certificate replaces it',
      );
      return;
    }
    const before = this.#entries.get(name);
    if (before !== undefined && isDeepStrictEqual(before.state, state)) return;
    const isOld = before?.state.issued !== undefined && before.state.issued.chain === state.issued?.chain;
    this.#entries.set(name, { state, certificate: isOld ? before.certificate : state.issued && certificateIn(state.issued, name) });
  }

  /** True if the open challenges are others than before. */
  #answer(text: string | undefined): boolean {
    const open = (text === undefined ? undefined : challenges.safeParse(json(text)).data) ?? [];
    if (isDeepStrictEqual(open, this.#challenges)) return false;
    this.#challenges = open;
    const ofType = (type: ChallengeAnswer['type']) => open.filter((answer) => answer.type === type);
    this.#answers =
      open.length === 0
        ? undefined
        : {
            http: Object.fromEntries(ofType('http-01').map(({ token, keyAuthorization }) => [token, keyAuthorization])),
            tls: ofType('tls-alpn-01').map((answer) => challengeCertificate(answer, this.#date())),
          };
    return true;
  }
}

/** The certificate of a pair; undefined if the two do not belong together, the chain is broken, or it is not for the name. */
export function certificateIn({ chain, key }: Pick<Issued, 'chain' | 'key'>, name: string): Certificate | undefined {
  const read = readCertificates(chain);
  if (typeof read === 'string' || pairFault(chain, key) !== undefined || chainFault(read) !== undefined) return undefined;
  const text = read.map((one) => one.toString()).join('');
  const certificate = describeCertificate(read as [X509Certificate, ...X509Certificate[]], text, key);
  return coversHost(certificate.names, name) ? certificate : undefined;
}

function isSame(one: Certificate | undefined, other: Certificate | undefined): boolean {
  return one?.fingerprint === other?.fingerprint;
}
