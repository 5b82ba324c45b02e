import type { PolicyContext, References } from './contract.ts';
import { type CertificateText, certificateTexts, readShown } from './shown-certificate.ts';

/** The part of an exchange that texts can tell of. */
type Facts = Pick<PolicyContext, 'request' | 'requestId' | 'clientAddress' | 'caller'>;
type Fact = (facts: Facts) => string | undefined;

const named: Readonly<Record<string, Fact>> = {
  'request.id': ({ requestId }) => requestId,
  'client.address': ({ clientAddress }) => clientAddress,
  consumer: ({ caller }) => caller?.consumer,
  ...Object.fromEntries(
    certificateTexts.map((property) => [`clientCertificate.${property}`, (facts: Facts) => certificateText(facts, property)]),
  ),
};

/** References to facts of an exchange, with which a {@link Template} is filled. */
export const factReferences: References = {
  knows: (reference) => factOf(reference) !== undefined,
  shown: [...Object.keys(named), 'claims.NAME'],
};

/** A text that tells of an exchange, such as `by ${clientCertificate.commonName}`. */
export class Template {
  readonly #literals: readonly string[];
  /** Each is between two literals. */
  readonly #facts: readonly Fact[];

  private constructor(literals: readonly string[], facts: readonly Fact[]) {
    this.#literals = literals;
    this.#facts = facts;
  }

  /**
   * The template of a text; the text itself if it tells nothing.
   * @param find finds facts that stand for references; default: those of {@link factReferences}
   */
  static of(text: string, find: (reference: string) => Fact | undefined = factOf): Template | string {
    const parts = text.split(/\$\{([^{}]*)\}/);
    const facts = parts.flatMap((part, index) => (index % 2 === 1 ? (find(part) ?? []) : []));
    if (facts.length === 0 || facts.length * 2 + 1 !== parts.length) return text;
    return new Template(
      parts.filter((_, index) => index % 2 === 0),
      facts,
    );
  }

  /** The text for one exchange; undefined if one of its facts is not known. */
  fill(facts: Facts): string | undefined {
    let text = this.#literals[0] as string;
    for (let index = 0; index < this.#facts.length; index++) {
      const value = (this.#facts[index] as Fact)(facts);
      if (value === undefined) return undefined;
      text += value + this.#literals[index + 1];
    }
    return text;
  }
}

/** Finds the fact that a reference stands for. */
export function factOf(reference: string): Fact | undefined {
  if (Object.hasOwn(named, reference)) return named[reference];
  const claim = /^claims\.(.+)$/.exec(reference)?.[1];
  return claim === undefined ? undefined : ({ caller }) => claimText(caller?.claims, claim);
}

function certificateText({ request: { clientCertificate } }: Facts, property: CertificateText): string | undefined {
  return clientCertificate === undefined ? undefined : readShown(clientCertificate)?.text(property);
}

/** A claim that is a text, a number, or a list of such, with commas between. */
function claimText(claims: Readonly<Record<string, unknown>> | undefined, name: string): string | undefined {
  const value = claims !== undefined && Object.hasOwn(claims, name) ? claims[name] : undefined;
  const list = Array.isArray(value) ? value : [value];
  return list.every((one) => ['string', 'number', 'boolean'].includes(typeof one)) && list.length > 0 ? list.join(',') : undefined;
}
