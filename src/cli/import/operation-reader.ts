import { type Operation, type Parameter, parameterPlaces } from '../../model/imported-api.ts';
import { isMap } from '../../model/is-map.ts';
import type { OpenApiDocument } from './openapi-document.ts';
import { type References, UnusablePart } from './references.ts';
import type { RequestSchemas } from './request-schemas.ts';

type Path = readonly PropertyKey[];
type Fields = Readonly<Record<string, unknown>>;

/** Tells a part of the document that is not read as it stands there. */
export type Warn = (path: Path, message: string) => void;

type Content = NonNullable<Operation['body']>['content'];

/** Fields that HTTP itself gives a meaning; a parameter of that name is to be ignored (OpenAPI 3.1, section 4.8.12.2). */
const ownFields = new Set(['accept', 'content-type', 'authorization']);
/** Styles for the lists of 2.0, and for whether each entry stands by itself. */
const collectionStyles: Readonly<Record<string, Pick<Parameter, 'style' | 'explode'>>> = {
  csv: { explode: false },
  ssv: { style: 'spaceDelimited', explode: false },
  tsv: { style: 'tabDelimited', explode: false },
  pipes: { style: 'pipeDelimited', explode: false },
  multi: { explode: true },
};
const styles: Readonly<Record<Parameter['in'], readonly string[]>> = {
  path: ['simple', 'label', 'matrix'],
  query: ['form', 'spaceDelimited', 'pipeDelimited', 'deepObject'],
  header: ['simple'],
  cookie: ['form'],
};

/** Reads from operations what a request must be. A part that cannot be used is told, and not checked. */
export class OperationReader {
  readonly #document: OpenApiDocument;
  readonly #references: References;
  readonly #schemas: RequestSchemas;
  readonly #warn: Warn;

  constructor(document: OpenApiDocument, parts: { references: References; schemas: RequestSchemas; warn: Warn }) {
    this.#document = document;
    this.#references = parts.references;
    this.#schemas = parts.schemas;
    this.#warn = parts.warn;
  }

  /**
   * @param item the path item of the operation
   * @param at place of the path item
   */
  read(item: Fields, method: string, operation: Fields, at: Path): Operation {
    const place = [...at, method.toLowerCase()];
    const given = new Map<string, { readonly fields: Fields; readonly at: Path }>();
    for (const [list, around] of [
      [item['parameters'], at],
      [operation['parameters'], place],
    ] as const) {
      for (const [index, one] of listIn(list).entries()) {
        const here = [...around, 'parameters', index];
        const fields = this.#followed(one, 'a parameter', here);
        // Parameters of the operation replace those of the path.
        if (fields !== undefined) given.set(JSON.stringify([fields['name'], fields['in']]), { fields, at: here });
      }
    }
    const parameters: Parameter[] = [];
    const form: { readonly fields: Fields; readonly at: Path }[] = [];
    let body: Operation['body'];
    for (const one of given.values()) {
      if (this.#document.specification === '2.0' && one.fields['in'] === 'body') body = this.#body2(one.fields, operation, one.at);
      else if (this.#document.specification === '2.0' && one.fields['in'] === 'formData') form.push(one);
      else {
        const parameter = this.#parameter(one.fields, one.at);
        if (parameter !== undefined) parameters.push(parameter);
      }
    }
    if (form.length > 0) body = this.#form2(form, operation);
    if ('requestBody' in operation && this.#document.specification !== '2.0')
      body = this.#body3(operation['requestBody'], [...place, 'requestBody']);
    return { ...(parameters.length > 0 && { parameters }), ...(body && { body }) };
  }

  #followed(value: unknown, noun: string, at: Path): Fields | undefined {
    try {
      return this.#references.follow(value, noun);
    } catch (error) {
      if (!(error instanceof UnusablePart)) throw error;
      this.#warn(at, `${error.message}; it is not checked`);
      return undefined;
    }
  }

  #parameter(fields: Fields, at: Path): Parameter | undefined {
    const { name, in: place } = fields;
    if (typeof name !== 'string' || name === '' || !parameterPlaces.includes(place as Parameter['in'])) {
      this.#warn(at, 'is no parameter with a name in path, query, header or cookie; it is not checked');
      return undefined;
    }
    const where = place as Parameter['in'];
    if (where === 'header' && ownFields.has(name.toLowerCase())) return undefined;
    const required = where === 'path' || fields['required'] === true;
    return { name, in: where, ...(required && { required }), ...this.#writing(fields, where, at), ...this.#valueOf(fields, at) };
  }

  /** Style and explode, where they are not the usual ones. */
  #writing(fields: Fields, place: Parameter['in'], at: Path): Pick<Parameter, 'style' | 'explode'> {
    if (this.#document.specification === '2.0') {
      if (fields['type'] !== 'array') return {};
      const { style, explode } = collectionStyles[String(fields['collectionFormat'] ?? 'csv')] ?? { explode: false };
      const usual = place === 'query' ? explode === true : explode === false;
      return { ...(style && { style }), ...(!usual && explode !== undefined && { explode }) };
    }
    const { style, explode } = fields;
    const usual = place === 'query' || place === 'cookie' ? 'form' : 'simple';
    const known = typeof style === 'string' && styles[place].includes(style);
    if (style !== undefined && !known) this.#warn([...at, 'style'], `is not one for a parameter in ${place}: it is read as ${usual}`);
    const written = known ? style : usual;
    return {
      ...(written !== usual && { style: written as NonNullable<Parameter['style']> }),
      ...(typeof explode === 'boolean' && explode !== (written === 'form') && { explode }),
    };
  }

  #valueOf(fields: Fields, at: Path): Pick<Parameter, 'json' | 'schema'> {
    if (this.#document.specification === '2.0') return schemaPart(this.#schemas.of(fields, at));
    if (!isMap(fields['content'])) return 'schema' in fields ? schemaPart(this.#schemas.of(fields['schema'], [...at, 'schema'])) : {};
    const [type, media] = Object.entries(fields['content'])[0] ?? [];
    if (type === undefined || !isJsonType(type) || !isMap(media)) {
      this.#warn([...at, 'content'], 'is not JSON: the value of the parameter is not checked');
      return {};
    }
    return { json: true, ...('schema' in media && schemaPart(this.#schemas.of(media['schema'], [...at, 'content', type, 'schema']))) };
  }

  #body3(given: unknown, at: Path): Operation['body'] {
    const fields = this.#followed(given, 'a request body', at);
    if (fields === undefined) return undefined;
    const content: Record<string, Content[string]> = {};
    for (const [type, media] of Object.entries(isMap(fields['content']) ? fields['content'] : {})) {
      const place = [...at, 'content', type];
      const written = mediaType(type);
      if (written === undefined) this.#warn(place, 'is not a content type: it is left out');
      else content[written] = this.#content(written, isMap(media) ? media : {}, place);
    }
    if (Object.keys(content).length === 0) {
      this.#warn(at, 'has no content types: the body is not checked');
      return undefined;
    }
    return { ...(fields['required'] === true && { required: true }), content };
  }

  #content(type: string, media: Fields, at: Path): Content[string] {
    if (!('schema' in media)) return {};
    if (isJsonType(type) || type === formType) return schemaPart(this.#schemas.of(media['schema'], [...at, 'schema']));
    return {};
  }

  #consumed(operation: Fields): string[] {
    const list = listIn(operation['consumes'] ?? this.#document.root['consumes']);
    return list.flatMap((type) => (typeof type === 'string' ? (mediaType(type) ?? []) : []));
  }

  #body2(fields: Fields, operation: Fields, at: Path): Operation['body'] {
    const consumed = this.#consumed(operation);
    const types = consumed.length === 0 ? ['application/json'] : consumed;
    const content = Object.fromEntries(types.map((type) => [type, this.#content(type, fields, at)]));
    return { ...(fields['required'] === true && { required: true }), content };
  }

  #form2(form: readonly { readonly fields: Fields; readonly at: Path }[], operation: Fields): Operation['body'] {
    const required = form.flatMap(({ fields }) => (fields['required'] === true ? [String(fields['name'])] : []));
    const properties = form.map(({ fields, at }) => [String(fields['name']), this.#schemas.of(fields, at)] as const);
    const schema = { type: 'object', properties: Object.fromEntries(properties), ...(required.length > 0 && { required }) };
    const files = form.some(({ fields }) => fields['type'] === 'file');
    const consumed = this.#consumed(operation).filter((type) => type === formType || type === 'multipart/form-data');
    const types = consumed.length > 0 ? consumed : [files ? 'multipart/form-data' : formType];
    const content = Object.fromEntries(types.map((type) => [type, type === formType ? { schema } : {}]));
    return { ...(required.length > 0 && { required: true }), content };
  }
}

/** Content type of the fields of an HTML form. */
const formType = 'application/x-www-form-urlencoded';

/** A content type or a range of them, without parameters, in lower case. */
function mediaType(text: string): string | undefined {
  const type = (text.split(';')[0] as string).trim().toLowerCase();
  return /^(\*\/\*|[a-z0-9!#$&^_.+-]+\/(\*(\+[a-z0-9]+)?|[a-z0-9!#$&^_.+-]+))$/.test(type) ? type : undefined;
}

function isJsonType(type: string): boolean {
  return /^application\/json$|\+json$|^text\/json$/.test(mediaType(type) ?? '');
}

function schemaPart(schema: NonNullable<Parameter['schema']>): { readonly schema?: NonNullable<Parameter['schema']> } {
  return schema === true || (typeof schema === 'object' && Object.keys(schema).length === 0) ? {} : { schema };
}

function listIn(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
