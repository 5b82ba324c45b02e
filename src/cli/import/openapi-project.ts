import { check, faultAt } from '../../config/check.ts';
import { refusal } from '../../config/refusal.ts';
import { maxSourceBytes } from '../../config/source.ts';
import type { Fault } from '../../model/fault.ts';
import type { ImportedApi, Operation } from '../../model/imported-api.ts';
import { name as nameSchema } from '../../model/name.ts';
import type { ProjectInput } from '../../model/project.ts';
import { pushedProject } from '../../projects/pushed-project.ts';
import { type ApiOperation, operationsOf } from './api-operations.ts';
import { MockAnswers } from './mock-answer.ts';
import type { OpenApiDocument } from './openapi-document.ts';
import { OperationReader, type Warn } from './operation-reader.ts';
import { References } from './references.ts';
import { RequestSchemas } from './request-schemas.ts';
import { type Security, securityOf } from './security-suggestions.ts';

export interface ImportOptions {
  /** Base URL of the service; replaces the document's servers. */
  readonly target: string;
  /** Default: made from the document's title. */
  readonly name?: string;
  /** Default: the path of the document's first server. */
  readonly basePath?: string;
  /** True: the project answers every request itself, from the examples of the document. */
  readonly mock?: true;
}

export interface Imported {
  readonly project: ProjectInput;
  /** Parts of the document that are not in the project, each with its place. */
  readonly warnings: readonly Fault[];
  readonly security: Security;
  /** Paths without any operation. */
  readonly empty: readonly string[];
}

type Resource = NonNullable<ProjectInput['resources']>[number];

/**
 * A project that serves the paths of an OpenAPI document. A path that cannot be used is left out with a warning. Throws a `SluiceError` that carries every
 * fault with its line if the document as a whole cannot be used, or no path is left.
 */
export function projectOf(document: OpenApiDocument, options: ImportOptions): Imported {
  const warnings: Fault[] = [];
  const warn: Warn = (path, message) => void warnings.push(faultAt(path, message, document.lineOf, 'key'));
  const references = new References(document.root);
  const { operations, empty } = operationsOf(document, references, warn);
  const mocks = options.mock ? new MockAnswers(references) : undefined;
  const places = new Map<Resource, ApiOperation>();
  const base: ProjectInput = {
    name: options.name ?? nameFrom(document.title),
    ...(document.version !== '' && { version: document.version }),
    basePath: options.basePath ?? document.serverPaths[0] ?? '/',
    targets: { default: { url: options.target } },
  };
  const resources = usable(document, { ...base, resources: resourcesOf(operations, places, mocks) }, places, warnings);
  if (resources.length === 0) {
    const none = { path: 'paths', message: 'has no operations that can be used: there is nothing to import' };
    throw refusal('invalid', warnings.length > 0 ? warnings : [none]);
  }
  const served = new Set(resources.flatMap(({ path, methods = [] }) => methods.map((method) => `${method} ${path}`)));
  const left = operations.filter(({ method, path }) => served.has(`${method} ${path}`));
  const openapi = importedApi(document, left, { references, warn, target: options.target });
  const project = fitting({ ...base, resources }, openapi, warn);
  return { project, warnings, security: securityOf(document, left, references, warn), empty };
}

/** One resource for each path; for a mock one for each operation, since the answers differ. */
function resourcesOf(operations: readonly ApiOperation[], places: Map<Resource, ApiOperation>, mocks: MockAnswers | undefined): Resource[] {
  const byPath = new Map<string, { path: string; methods: string[] }>();
  for (const operation of operations) {
    const { path, method } = operation;
    const known = byPath.get(mocks ? `${method} ${path}` : path);
    if (known) known.methods.push(method);
    else {
      const policies = mocks && { policies: { proxyRequest: [{ respond: mocks.of(operation.fields) }] } };
      const made = { path, methods: [method], ...policies };
      byPath.set(mocks ? `${method} ${path}` : path, made);
      places.set(made, operation);
    }
  }
  return [...byPath.values()];
}

/** The resources that a server accepts. The others become warnings; a fault of another part of the project is thrown. */
function usable(
  document: OpenApiDocument,
  project: ProjectInput & { readonly resources: Resource[] },
  places: ReadonlyMap<Resource, ApiOperation>,
  warnings: Fault[],
): Resource[] {
  const { lineOf } = document;
  const checked = check(project, pushedProject);
  if (!checked.faults) return project.resources;
  const refused = new Set<Resource>();
  const others: Fault[] = [];
  for (const { path, message } of checked.faults) {
    const resource = project.resources[Number(/^resources\.(\d+)\./.exec(path)?.[1] ?? Number.NaN)];
    const at = resource && places.get(resource)?.at;
    if (resource !== undefined && at !== undefined) {
      refused.add(resource);
      warnings.push(faultAt(at, `${path.replace(/^resources\.\d+\./, '')}: ${message}`, lineOf, 'key'));
    } else {
      const [part = ''] = path.split('.');
      others.push(faultAt(part === 'basePath' ? basePathPlace(document) : [path], message, lineOf));
    }
  }
  if (others.length > 0) throw refusal('invalid', others);
  const left = project.resources.filter((resource) => !refused.has(resource));
  return usable(document, { ...project, resources: left }, places, warnings);
}

function basePathPlace({ specification }: OpenApiDocument): PropertyKey[] {
  return specification === '2.0' ? ['basePath'] : ['servers', 0, 'url'];
}

function importedApi(
  document: OpenApiDocument,
  operations: readonly ApiOperation[],
  { references, warn, target }: { readonly references: References; readonly warn: Warn; readonly target: string },
): ImportedApi {
  const schemas = new RequestSchemas(references, document.specification, warn);
  const reader = new OperationReader(document, { references, schemas, warn });
  const byPath: Record<string, Record<string, Operation>> = {};
  for (const { path, method, fields, item, at } of operations)
    byPath[path] = { ...byPath[path], [method]: reader.read(item, method, fields, at) };
  const named = schemas.named();
  return { target, operations: byPath, ...(Object.keys(named).length > 0 && { schemas: named }) };
}

/** The project with what requests must be, if it can be pushed with that. */
function fitting(project: ProjectInput, openapi: ImportedApi, warn: Warn): ProjectInput {
  const whole = { ...project, openapi: openapi as NonNullable<ProjectInput['openapi']> };
  const length = Buffer.byteLength(JSON.stringify(whole));
  if (length <= maxSourceBytes) return whole;
  warn(
    [],
    `describes requests in ${length} bytes, the paths included, and a project can have ${maxSourceBytes}: only the paths are imported, so that the policy validate has no openapi: true here. Split the document`,
  );
  return project;
}

/** A project name made from a title. Throws if the title has no character that a name may have. */
function nameFrom(title: string): string {
  const name = title
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
  if (nameSchema.safeParse(name).success) return name;
  throw refusal('invalid', [{ path: 'info.title', message: 'cannot be made into a project name: give one with --name' }]);
}
