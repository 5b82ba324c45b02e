import { isMap } from '../../model/is-map.ts';
import type { ApiOperation } from './api-operations.ts';
import type { OpenApiDocument } from './openapi-document.ts';
import type { Warn } from './operation-reader.ts';
import { type References, UnusablePart } from './references.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A policy that would check a security scheme of the document. It is only suggested: keys and issuers are not in the document. */
export interface Suggestion {
  /** The scheme in words, for example `key: an API key in the header field x-key`. */
  readonly scheme: string;
  /** Policy for `policies.proxyRequest`, as YAML on one line; undefined: no policy checks such a scheme. */
  readonly policy: string | undefined;
}

export interface Security {
  readonly suggestions: readonly Suggestion[];
  /** Operations that the document lets pass without any scheme although others need one, such as `GET /health`. */
  readonly open: readonly string[];
  /** Operations that need a scheme. */
  readonly guarded: readonly string[];
  /** True if some operation takes one of several schemes, or needs several together. */
  readonly combined: boolean;
}

/** Reads which requests the document says need credentials, and suggests policies that would check them. */
export function securityOf(document: OpenApiDocument, operations: readonly ApiOperation[], references: References, warn: Warn): Security {
  const { root, specification } = document;
  const components = isMap(root['components']) ? root['components'] : {};
  const [place, schemes] =
    specification === '2.0'
      ? [['securityDefinitions'], root['securityDefinitions']]
      : [['components', 'securitySchemes'], components['securitySchemes']];
  const suggestions = Object.entries(isMap(schemes) ? schemes : {}).flatMap(([name, given]) => {
    try {
      return [suggestionFor(name, references.follow(given, 'a security scheme'))];
    } catch (error) {
      if (!(error instanceof UnusablePart)) throw error;
      warn([...(place as string[]), name], error.message);
      return [];
    }
  });
  const open: string[] = [];
  const guarded: string[] = [];
  let combined = false;
  for (const { method, path, fields } of operations) {
    const needed = 'security' in fields ? fields['security'] : root['security'];
    const ways = (Array.isArray(needed) ? needed : []).filter(isMap);
    if (ways.some((way) => Object.keys(way).length > 1) || ways.length > 1) combined = true;
    // An empty way lets a request pass without any credentials.
    (ways.length === 0 || ways.some((way) => Object.keys(way).length === 0) ? open : guarded).push(`${method} ${path}`);
  }
  return { suggestions, open, guarded, combined };
}

function suggestionFor(name: string, scheme: Fields): Suggestion {
  const text = (field: string) => (typeof scheme[field] === 'string' ? (scheme[field] as string) : '');
  const said = (words: string, policy?: string): Suggestion => ({ scheme: `${name}: ${words}`, policy });
  switch (text('type')) {
    case 'apiKey': {
      const field = quoted(text('name'));
      if (text('in') === 'header' && /^authorization$/i.test(text('name')))
        return said('a token in the header field Authorization', bearer);
      if (text('in') === 'header')
        return said(`an API key in the header field ${text('name')}`, `apiKey: { header: ${field}, keys: ["\${variables.api_key}"] }`);
      if (text('in') === 'query' || text('in') === 'cookie')
        return said(
          `an API key in the ${text('in')} ${text('in') === 'query' ? 'parameter ' : ''}${text('name')}`,
          `apiKey: { ${text('in')}: ${field}, keys: ["\${variables.api_key}"] }`,
        );
      return said('an API key');
    }
    case 'basic':
      return said('name and password', basic);
    case 'http':
      if (/^basic$/i.test(text('scheme'))) return said('name and password', basic);
      if (/^bearer$/i.test(text('scheme')))
        return said(`a bearer token${text('bearerFormat') ? ` (${text('bearerFormat')})` : ''}`, bearer);
      return said(`the HTTP scheme ${text('scheme')}`);
    case 'oauth2':
      return said('a bearer token of OAuth 2', bearer);
    case 'openIdConnect': {
      const issuer = quoted(text('openIdConnectUrl').replace(/\/\.well-known\/openid-configuration\/?$/, ''));
      return said(
        'a token of an OpenID provider',
        `jwt: { issuer: ${issuer}, jwks: "\${variables.jwks}" } # or, for people with a browser, oidc: { issuer: ${issuer}, clientId: "\${variables.client_id}", clientSecret: "\${variables.client_secret}" }`,
      );
    }
    case 'mutualTLS':
      return said('a client certificate', 'clientCertificate: { subjects: ["CN=client"] }');
    default:
      return said('of a type that is unknown here');
  }
}

const basic = 'basicAuth: { users: { name: "${variables.password_digest}" } }';
const bearer = 'jwt: { issuer: "${variables.issuer}", jwks: "${variables.jwks}" } # if the tokens are JWTs; else oauth2 with introspection';

/** A text as YAML and JSON write it. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
