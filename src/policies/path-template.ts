import type { PolicyContext } from './contract.ts';
import type { Refusal } from './refusal.ts';

/** A parameter of a resource's path, as a template names it; the braces of a reference to a variable are another matter. */
const parameter = /(?<!\$)\{([^{}]+)\}/;
/** The parameter for what follows the resource's own path. */
const rest = '*';

/** Segments `.` and `..` as some server or browser may read them: percent-encoded, also more than once, or before the parameters of a segment. */
const dotSegment = /(^|[/\\]|%(25)*(2f|5c))(\.|%(25)*2e){1,2}([/\\;?#]|%(25)*(2f|5c|3b|3f|23)|$)/i;

/** True if a text has a segment `.` or `..` for some reader. */
export function hasDotSegment(text: string): boolean {
  return dotSegment.test(text);
}

/** Names of the parameters in a text. */
export function parametersIn(text: string): string[] {
  return text.split(parameter).filter((_, index) => index % 2 === 1);
}

/** Fault of a path with parameters; undefined if it has none. */
export function faultOfPath(text: string): string | undefined {
  const literal = text.split(parameter).filter((_, index) => index % 2 === 0);
  if (!text.startsWith('/')) return 'must be a path, starting with /';
  if (literal.some((part) => /[^!-~]|[{}\\?#"<>^`|]|%(?![0-9A-Fa-f]{2})/.test(part)))
    return 'must be a path as requests have it: without ? and #, special characters percent-encoded, parameters of the resource as {name}';
  if (text.includes('//') || dotSegment.test(text)) return 'must not contain //, /./ or /../';
  return faultOfRest(text);
}

/** Fault of `{*}` in a text. It stands for a text that is empty or begins with a slash, so that a slash in front of it would make two. */
export function faultOfRest(text: string): string | undefined {
  const at = text.indexOf(`{${rest}}`);
  if (at === -1 || (at === text.length - 3 && at > 0 && text[at - 1] !== '/')) return undefined;
  return 'must have {*} at its end and without a slash in front, such as /v2{*}: it stands for the rest of the path with its slash';
}

/** A text with parameters of the resource's path in it. Their values are percent-encoded, so that none of them is more than a part of its segment. */
export class PathTemplate {
  /** Literal text and names of parameters in turn. */
  readonly #parts: readonly string[];

  constructor(text: string) {
    this.#parts = text.split(parameter);
  }

  /** The path or URL for one request; undefined if the values of parameters would make a segment `.` or `..` of it. */
  path(context: Parameters): string | undefined {
    if (this.#parts.length === 1) return this.#parts[0];
    const text = this.#parts
      .map((part, index) => (index % 2 === 0 ? part : part === rest ? context.rest : encoded(context.parameter(part) ?? '', inPath)))
      .join('');
    return dotSegment.test(text) ? undefined : text;
  }

  /** The encoded value of a query's parameter for one request. */
  queryValue(context: Parameters): string {
    const valueIn = (name: string) => encoded(name === rest ? context.rest : (context.parameter(name) ?? ''), inQuery);
    return this.#parts.map((part, index) => (index % 2 === 0 ? encodeURIComponent(part) : valueIn(part))).join('');
  }
}

type Parameters = Pick<PolicyContext, 'parameter' | 'rest'>;

/** Octets to encode: all but unreserved characters (RFC 3986 section 2.3), in a path also but those that separate nothing. */
const inPath = /[^A-Za-z0-9._~!$'()*,:@-]/g;
const inQuery = /[^A-Za-z0-9._~-]/g;

/** Percent-encodes octets, one a character. */
function encoded(octets: string, which: RegExp): string {
  return octets.replace(which, (octet) => `%${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

/** Refuses a request whose parameters would make another path of a template than its author meant. */
export const misleading: Refusal = { status: 400, code: 'bad-path', title: 'A part of the path would lead to another path.' };
