import { type ImportedApi, type Operation, schemaReference } from '../../model/imported-api.ts';
import type { JsonSchema } from '../../model/json-schema.ts';
import type { Pieces } from '../../model/pieces.ts';
import { BodyCheck } from './body-check.ts';
import { compileParameter, type ParameterCheck } from './parameter-check.ts';
import { SchemaCompiler } from './schema-compiler.ts';

/** Checks of the requests for one operation. */
export interface RequestCheck {
  readonly parameters: readonly ParameterCheck[];
  /** Undefined: nothing is said about the body. */
  readonly body: BodyCheck | undefined;
}

type ByForm = ReadonlyMap<string, ReadonlyMap<string, RequestCheck>>;

/** Checks of an imported API's operations, found by the resource and method of a request. */
export class OperationChecks {
  /** By the form of the path, then by method. */
  readonly #checks: ByForm;
  /** The same, by the path of a resource as the project writes it. As many as the project has resources. */
  readonly #found = new Map<string, ReadonlyMap<string, RequestCheck> | undefined>();

  private constructor(checks: ByForm) {
    this.#checks = checks;
  }

  /**
   * Compiles every schema; each is one piece. Throws an `Error` that names the operation whose schema cannot be used.
   *
   * @param paths of the project's resources, whose names path parameters have in requests
   */
  static *compile(api: ImportedApi, paths: readonly string[], maxBytes: number): Pieces<OperationChecks> {
    const compiler = new SchemaCompiler((api.schemas ?? {}) as Record<string, JsonSchema>, schemaReference);
    const spelled = new Map(paths.map((path) => [formOf(path), path]));
    const checks = new Map<string, Map<string, RequestCheck>>();
    for (const [path, methods] of Object.entries(api.operations)) {
      const form = formOf(path);
      const byMethod = checks.get(form) ?? new Map<string, RequestCheck>();
      checks.set(form, byMethod);
      const renamed = renaming(path, spelled.get(form) ?? path);
      for (const [method, operation] of Object.entries(methods)) {
        try {
          byMethod.set(method, yield* compileOperation(operation, compiler, maxBytes, renamed));
        } catch (error) {
          throw new Error(`${method} ${path}: ${(error as Error).message}`, { cause: error });
        }
      }
    }
    return new OperationChecks(checks);
  }

  /** @param resource path of the resource as the project writes it */
  find(resource: string, method: string): RequestCheck | undefined {
    let methods = this.#found.get(resource);
    if (methods === undefined && !this.#found.has(resource)) {
      methods = this.#checks.get(formOf(resource));
      this.#found.set(resource, methods);
    }
    // A resource that takes GET takes HEAD (RFC 9110 section 9.3.2).
    return methods?.get(method) ?? (method === 'HEAD' ? methods?.get('GET') : undefined);
  }
}

/** Compiles the checks of one operation. @param renamed name in requests of a path parameter */
export function* compileOperation(
  { parameters = [], body }: Operation,
  compiler: SchemaCompiler,
  maxBytes: number,
  renamed: (name: string) => string = (name) => name,
): Pieces<RequestCheck> {
  const checks: ParameterCheck[] = [];
  for (const parameter of parameters)
    checks.push(yield* compileParameter(parameter, compiler, parameter.in === 'path' ? renamed(parameter.name) : parameter.name));
  return { parameters: checks, body: body && (yield* BodyCheck.compile(body, maxBytes, compiler)) };
}

/** The same text for paths that match the same requests. */
function formOf(path: string): string {
  return path.replace(/\{[^{}]*\}/g, '{}').replace(/(?<=.)\/$/, '');
}

/** Parameters have the names of the resource, which may have been renamed since the import: their order tells which is which. */
function renaming(path: string, resource: string): (name: string) => string {
  const [own, others] = [namesIn(path), namesIn(resource)];
  return (name) => others[own.indexOf(name)] ?? name;
}

function namesIn(path: string): string[] {
  return [...path.matchAll(/\{([^{}]*)\}/g)].map(([, name = '']) => name);
}
