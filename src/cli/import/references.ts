import { isMap } from '../../model/is-map.ts';

/** References that lead on to another one, before they count as a circle. */
const mostHops = 32;

/** A part of a document that cannot be used. The message continues a sentence that begins with the place of the part. */
export class UnusablePart extends Error {}

/** Follows references within one document. Nothing else is read, neither files nor servers. */
export class References {
  readonly #root: unknown;

  /** @param root the document */
  constructor(root: unknown) {
    this.#root = root;
  }

  /**
   * The map that a reference leads to, or `value` itself if it is none. Throws an {@link UnusablePart}.
   *
   * @param noun what the value should be, such as "a parameter"
   */
  follow(value: unknown, noun: string): Record<string, unknown> {
    let at = value;
    for (let hops = 0; hops < mostHops; hops++) {
      if (!isMap(at)) throw new UnusablePart(hops === 0 ? `must be ${noun}, as a map` : `refers to something that is not ${noun}`);
      if (!('$ref' in at)) return at;
      at = this.at(at['$ref']);
    }
    throw inCircle();
  }

  /**
   * The fields of a path item and of those that it refers to; its own come first (OpenAPI 3.1, section 4.8.9.1). Throws an {@link UnusablePart}.
   */
  pathItem(given: unknown): Record<string, unknown> {
    const fields: Record<string, unknown> = {};
    let item = given;
    for (let hops = 0; hops < mostHops; hops++) {
      if (!isMap(item)) throw new UnusablePart(hops === 0 ? 'must be a map of operations' : 'refers to something that is not a path item');
      for (const [key, value] of Object.entries(item)) if (!Object.hasOwn(fields, key)) fields[key] = value;
      if (!('$ref' in item)) return fields;
      item = this.at(item['$ref']);
    }
    throw inCircle();
  }

  /** The value that a reference points to. Throws an {@link UnusablePart}. */
  at(reference: unknown): unknown {
    let at = this.#root;
    for (const step of stepsOf(reference)) {
      const known = isMap(at) ? Object.hasOwn(at, step) : Array.isArray(at) && /^(0|[1-9]\d*)$/.test(step) && Number(step) < at.length;
      if (!known) throw new UnusablePart(`refers to "${shortened(reference as string)}", which does not exist`);
      at = (at as Record<string, unknown>)[step];
    }
    return at;
  }
}

/** The steps of a JSON Pointer in URI fragment form (RFC 6901, section 6) from the document's top. Throws an {@link UnusablePart} for any other reference. */
export function stepsOf(reference: unknown): string[] {
  if (typeof reference !== 'string') throw new UnusablePart('has a $ref that is not text');
  if (reference.startsWith('#/'))
    return reference
      .slice(2)
      .split('/')
      .map((step) => decoded(step).replace(/~1/g, '/').replace(/~0/g, '~'));
  if (/^([a-z][a-z0-9+.-]*:)?\/\//i.test(reference) || /^(https?|urn):/i.test(reference))
    throw new UnusablePart(
      `refers to "${shortened(reference)}", which is not in this document, and nothing is fetched from other servers: bundle the documents into one first`,
    );
  if (reference.startsWith('#'))
    throw new UnusablePart(`refers to "${shortened(reference)}": only references such as "#/components/schemas/Pet" are followed`);
  throw new UnusablePart(`refers to "${shortened(reference)}", which is outside this document: bundle the documents into one first`);
}

function inCircle(): UnusablePart {
  return new UnusablePart('refers to itself in a circle of references');
}

function decoded(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}

function shortened(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
