import type * as z from 'zod';
import type { Fault } from '../model/fault.ts';
import { isMap } from '../model/is-map.ts';
import { nearest } from './nearest.ts';
import { alternatives, at, below, keysOf } from './schema-paths.ts';

type Path = readonly string[];
type Tree = Record<string, unknown>;

/** Variables of Sluice that do not configure a balancer: variables of the command line, of gateway servers and of the tests. */
const elsewhere =
  /^SLUICE_(CONTROL|CA|LOG_LEVEL|DNS_SERVERS|SECRET_KEY|JOIN|ENVIRONMENT|LISTEN|ADVERTISE|ID|WEIGHT|TOKEN|HEADER_BYTES|BODY_RATE|DENY_TARGETS|MAX_CONNECTIONS|TLS_(CERTIFICATE|KEY)|(TEST|GATEWAY)_.*)$/;
/** Variables that Kubernetes sets in every pod if a service is called `sluice` or `sluice-something`. */
const kubernetes = /_SERVICE_(HOST|PORT)(_|$)|_PORT(_\d+_(TCP|UDP|SCTP)(_|$)|$)/;
/** Short names of the two secrets. */
const shortNames: Record<string, Path> = {
  SLUICE_ADMIN_TOKEN: ['control', 'tokens', 'admin'],
  SLUICE_JOIN_TOKEN: ['control', 'tokens', 'join'],
};

/** A document overridden by environment variables. */
export interface Overlay {
  /** Copy of the document with the variables' values. */
  readonly value: Tree;
  /** Variables that values came from, by dotted path. */
  readonly origins: ReadonlyMap<string, string>;
  /** Faults for unknown variables. */
  readonly faults: readonly Fault[];
}

/**
 * Overrides `document` with `SLUICE_…` variables. There is one for each scalar of `schema`, named by its path in capitals
 * (`SLUICE_SHUTDOWN_GRACE`, `SLUICE_DATA_DIR`); for maps with free keys (environments, variables) the keys of `document` count.
 * An unknown `SLUICE_…` variable is a fault, so that a misspelled one is noticed.
 */
export function applyVariables(document: Tree, schema: z.ZodType, env: NodeJS.ProcessEnv): Overlay {
  const known = new Map<string, Path>(Object.entries(shortNames));
  for (const path of scalars(schema, document, [])) known.set(variableName(path), path);
  const value = structuredClone(document);
  const origins = new Map<string, string>();
  const faults: Fault[] = [];
  for (const [variable, text] of Object.entries(env)) {
    if (text === undefined || !variable.startsWith('SLUICE_')) continue;
    const path = known.get(variable);
    if (path) {
      put(value, path, read(schema, path, text));
      origins.set(path.join('.'), variable);
    } else if (!elsewhere.test(variable) && !kubernetes.test(variable)) {
      const meant = nearest(variable, [...known.keys()]);
      faults.push({
        path: variable,
        message: `is not a variable of Sluice${meant === undefined ? ': unset it' : `: did you mean ${meant}?`}`,
      });
    }
  }
  return { value, origins, faults };
}

/** Name of the variable for a path: `environments.production.limits.headerBytes` → `SLUICE_ENVIRONMENTS_PRODUCTION_LIMITS_HEADER_BYTES`. */
export function variableName(path: Path): string {
  const words = path.map((step) => step.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/[^A-Za-z0-9]/g, '_'));
  return `SLUICE_${words.join('_').toUpperCase()}`;
}

function* scalars(schema: z.core.$ZodType, document: unknown, path: Path): Generator<Path> {
  const options = alternatives(schema).map((option) => (option as z.core.$ZodTypes)._zod.def.type);
  if (options.some((type) => type !== 'object' && type !== 'record' && type !== 'array')) yield path;
  const here: Tree = isMap(document) ? document : {};
  const keys = options.includes('record') ? Object.keys(here) : keysOf(schema);
  for (const key of keys) for (const option of below(schema, key)) yield* scalars(option, here[key], [...path, key]);
}

/** Converts the text to a number or boolean if the schema at `path` expects one. */
function read(schema: z.core.$ZodType, path: Path, text: string): unknown {
  const types = at(schema, path)
    .flatMap(alternatives)
    .map((option) => (option as z.core.$ZodTypes)._zod.def.type);
  if (types.includes('boolean') && /^(true|false)$/.test(text)) return text === 'true';
  if (types.some((type) => type === 'number' || type === 'literal') && /^\d+(\.\d+)?$/.test(text)) return Number(text);
  return text;
}

function put(tree: Tree, path: Path, value: unknown): void {
  const [step = '', ...rest] = path;
  if (rest.length === 0) tree[step] = value;
  else {
    const inner = tree[step];
    const next: Tree = isMap(inner) ? inner : {};
    tree[step] = next;
    put(next, rest, value);
  }
}
