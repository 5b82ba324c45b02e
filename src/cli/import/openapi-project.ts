import { check } from '../../config/check.ts';
import { refusal } from '../../config/refusal.ts';
import { isMap } from '../../model/is-map.ts';
import { name as nameSchema } from '../../model/name.ts';
import type { ProjectInput } from '../../model/project.ts';
import { pushedProject } from '../../projects/pushed-project.ts';
import type { OpenApi, OpenApiDocument } from './openapi-document.ts';
import { readPaths } from './openapi-paths.ts';

export interface ImportOptions {
  /** Base URL of the service; replaces the document's servers. */
  readonly target: string;
  /** Default: made from the document's title. */
  readonly name?: string;
  /** Default: the path of the document's first server. */
  readonly basePath?: string;
}

export interface Imported {
  readonly project: ProjectInput;
  /** Remarks for the user on choices that the import made. */
  readonly notes: readonly string[];
}

/** A project that serves the paths of an OpenAPI document. Throws a `SluiceError` that carries every fault with its line. */
export function projectOf(document: OpenApiDocument, options: ImportOptions): Imported {
  const { api, lineOf } = document;
  const { paths, faults, empty } = readPaths(document);
  if (faults.length > 0) throw refusal('invalid', faults);
  if (paths.length === 0) throw refusal('invalid', [{ path: 'paths', message: 'has no operations: there is nothing to import' }]);
  const served = serverPaths(api);
  const project: ProjectInput = {
    name: options.name ?? nameFrom(api.info.title),
    ...(api.info.version !== '' && { version: api.info.version }),
    basePath: options.basePath ?? served[0] ?? '/',
    targets: { default: { url: options.target } },
    resources: paths.map(({ path, methods }) => ({ path, methods: [...methods] })),
  };
  // A fault of the project comes from the document, and is reported with the line there.
  const origin = (path: readonly PropertyKey[]) => {
    const [part, index] = path;
    return part === 'resources'
      ? ['paths', paths[Number(index)]?.path ?? '']
      : part === 'basePath'
        ? ['servers', 0, 'url']
        : [String(part)];
  };
  const checked = check(project, pushedProject, (path) => lineOf(origin(path), 'key'));
  if (checked.faults) throw refusal('invalid', checked.faults);
  return { project, notes: [...notesOn(api, project, options, served), ...emptyNote(empty)] };
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

/** The distinct paths of the document's servers, with every variable at its default. A server's URL may be relative. */
function serverPaths({ servers }: OpenApi): string[] {
  const paths = servers.map(({ url, variables }) => {
    const filled = url.replace(/\{([^{}]*)\}/g, (whole, name: string) => variables?.[name]?.default ?? whole);
    const { pathname } = URL.canParse(filled, 'http://host') ? new URL(filled, 'http://host') : { pathname: '/' };
    return pathname.replace(/(?<=.)\/+$/, '');
  });
  return [...new Set(paths)];
}

function notesOn(api: OpenApi, project: ProjectInput, { target, basePath }: ImportOptions, served: readonly string[]): string[] {
  const notes: string[] = [];
  const [first, ...others] = served;
  if (basePath === undefined && others.length > 0) {
    notes.push(`the document's servers have different paths, ${served.join(', ')}: the first is used; choose another with --base-path`);
  }
  if (project.basePath === '/' && basePath === undefined) {
    notes.push('the base path is /, so the project claims every path of an environment: give a narrower one with --base-path');
  }
  if (first !== undefined && first !== '/' && /^https?:\/\/[^/]+\/?$/.test(target)) {
    const example = project.resources?.[0]?.path ?? '/';
    const join = (path: string) => `${target.replace(/\/$/, '')}${path}`;
    notes.push(
      `${project.basePath}${example} goes to ${join(example)}: if the target expects ${first} in front, give --target ${join(first)}`,
    );
  }
  const schemes =
    isMap(api['components']) && isMap(api['components']['securitySchemes']) ? Object.keys(api['components']['securitySchemes']) : [];
  if (schemes.length > 0) {
    notes.push(`the security schemes ${schemes.join(', ')} are not imported: checking them is left to the target unless you add policies`);
  }
  return notes;
}

function emptyNote(empty: readonly string[]): string[] {
  if (empty.length === 0) return [];
  const more = empty.length > 5 ? ` and ${empty.length - 5} more` : '';
  return [`left out, because they have no operations: ${empty.slice(0, 5).join(', ')}${more}`];
}
