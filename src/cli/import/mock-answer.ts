import { isMap } from '../../model/is-map.ts';
import type { References } from './references.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Settings of the policy `respond`. */
export interface MockAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Deepest nesting of an example that is made from a schema; it ends schemas that contain themselves. */
const maxDepth = 8;
/** Values of an example that is made from a schema. */
const maxValues = 500;

/** Makes answers from the examples of a document, or else from its schemas. */
export class MockAnswers {
  readonly #references: References;
  #values = 0;

  constructor(references: References) {
    this.#references = references;
  }

  /** The answer of the first success that the operation describes; without any, an empty one. */
  of(operation: Fields): MockAnswer {
    const responses = isMap(operation['responses']) ? operation['responses'] : {};
    const codes = Object.keys(responses).filter((code) => /^2(\d\d|XX)$/i.test(code));
    const code = codes.sort()[0] ?? ('default' in responses ? 'default' : undefined);
    if (code === undefined) return { status: 204 };
    const status = /^\d{3}$/.test(code) ? Number(code) : 200;
    const response = this.#followed(responses[code]);
    if (status === 204 || status === 205 || response === undefined) return { status };
    const answer = { status, ...this.#bodyOf(response, operation) };
    // A project would read it as a reference to a variable.
    return JSON.stringify(answer).includes('${') ? { status } : answer;
  }

  #bodyOf(response: Fields, operation: Fields): Omit<MockAnswer, 'status'> {
    this.#values = 0;
    const { content } = response;
    if (!isMap(content)) return this.#bodyOfVersion2(response, operation);
    const types = Object.keys(content);
    const type = types.find((one) => /[/+]json\b/i.test(one)) ?? types[0];
    const media = type === undefined ? undefined : content[type];
    if (type === undefined || !isMap(media)) return {};
    return written(/\*/.test(type) ? 'application/json' : type, this.#exampleOf(media) ?? this.#valueOf(media['schema'], 0));
  }

  #bodyOfVersion2(response: Fields, operation: Fields): Omit<MockAnswer, 'status'> {
    const examples = isMap(response['examples']) ? response['examples'] : {};
    const produced = Array.isArray(operation['produces']) ? operation['produces'].filter((one) => typeof one === 'string') : [];
    const types = [...Object.keys(examples), ...produced];
    const type = types.find((one) => /[/+]json\b/i.test(one)) ?? types[0] ?? 'application/json';
    if (Object.hasOwn(examples, type)) return written(type, examples[type]);
    return 'schema' in response ? written(type, this.#valueOf(response['schema'], 0)) : {};
  }

  #exampleOf(media: Fields): unknown {
    if ('example' in media) return media['example'];
    for (const one of isMap(media['examples']) ? Object.values(media['examples']) : []) {
      const example = this.#followed(one);
      if (example !== undefined && 'value' in example) return example['value'];
    }
    return undefined;
  }

  /** An instance of a schema, as far as examples, defaults and types show one. */
  #valueOf(given: unknown, depth: number): unknown {
    const schema = this.#followed(given);
    if (schema === undefined || depth > maxDepth || ++this.#values > maxValues) return undefined;
    const shown = ['example', 'default', 'const'].find((keyword) => keyword in schema);
    if (shown !== undefined) return schema[shown];
    for (const list of ['examples', 'enum']) if (Array.isArray(schema[list]) && schema[list].length > 0) return schema[list][0];
    if (Array.isArray(schema['allOf'])) {
      const parts = [...schema['allOf'], { ...schema, allOf: undefined }].map((one) => this.#valueOf(one, depth + 1));
      return parts.every((part) => part === undefined || isMap(part))
        ? Object.assign({}, ...parts)
        : parts.find((part) => part !== undefined);
    }
    for (const list of ['oneOf', 'anyOf']) if (Array.isArray(schema[list])) return this.#valueOf(schema[list][0], depth + 1);
    return this.#valueOfType(schema, depth);
  }

  #valueOfType(schema: Fields, depth: number): unknown {
    const { type, properties, items, minimum } = schema;
    const known = Array.isArray(type) ? type.find((one) => one !== 'null') : type;
    if (known === 'object' || isMap(properties)) {
      const entries = Object.entries(isMap(properties) ? properties : {}).map(
        ([name, one]) => [name, this.#valueOf(one, depth + 1)] as const,
      );
      return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
    }
    if (known === 'array') return [this.#valueOf(items, depth + 1)].filter((value) => value !== undefined);
    if (known === 'integer' || known === 'number') return typeof minimum === 'number' ? minimum : 0;
    if (known === 'boolean') return true;
    if (known === 'string') return textOf(schema['format']);
    return undefined;
  }

  #followed(value: unknown): Fields | undefined {
    try {
      return this.#references.follow(value, 'a part of a response');
    } catch {
      // An example is a convenience: what refers to nothing is left out of it.
      return undefined;
    }
  }
}

const texts: Readonly<Record<string, string>> = {
  date: '2000-01-01',
  'date-time': '2000-01-01T00:00:00Z',
  email: 'name@example.com',
  uri: 'https://example.com',
  uuid: '00000000-0000-4000-8000-000000000000',
};

function textOf(format: unknown): string {
  return typeof format === 'string' && Object.hasOwn(texts, format) ? (texts[format] as string) : 'text';
}

function written(type: string, value: unknown): Omit<MockAnswer, 'status'> {
  if (value === undefined) return {};
  // A value that is no text is written as JSON, with the content type of JSON.
  return typeof value === 'string' && !/json/i.test(type)
    ? { headers: { 'content-type': type }, body: value }
    : {
        ...(!/^application\/json$/i.test(type) && { headers: { 'content-type': type } }),
        body: typeof value === 'string' ? JSON.stringify(value) : value,
      };
}
