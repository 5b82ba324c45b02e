import { check } from '../../config/check.ts';
import { refusal } from '../../config/refusal.ts';
import { isMap } from '../../config/source.ts';
import type { ProjectInput } from '../../model/project.ts';
import { name as nameSchema } from '../../model/quantity.ts';
import { pushedProject } from '../../policies/pushed-project.ts';
import type { OpenApi, OpenApiDocument } from './openapi-document.ts';
import { readPaths } from './openapi-paths.ts';

export interface ImportOptions {
  /** Takes the place of the document's server: where its paths begin. */
  readonly target: string;
  /** Default: made from the document's title. */
  readonly name?: string;
  /** Default: the path of the document's first server. */
  readonly basePath?: string;
}

export interface Imported {
  readonly project: ProjectInput;
  /** What somebody who reads them may want to change. */
  readonly notes: readonly string[];
}

/** A project that offers what an OpenAPI document describes. Throws a `SluiceError` that carries every fault with its line. */
export function projectOf(document: OpenApiDocument, options: ImportOptions): Imported {
  const { api, lineOf } = document;
  const { paths, faults, empty } = readPaths(document);
  if (faults.length > 0) throw refusal('invalid', faults);
  if (paths.length === 0) throw refusal('invalid', [{ path: 'paths', message: 'has no operations: there is nothing to offer' }]);
  const served = serverPaths(api);
  const project: ProjectInput = {
    name: options.name ?? nameFrom(api.info.title),
    ...(api.info.version !== '' && { version: api.info.version }),
    basePath: options.basePath ?? served[0] ?? '/',
    targets: { default: { url: options.target } },
    resources: paths.map(({ path, methods }) => ({ path, methods: [...methods] })),
  };
  // Whatever is wrong with it now is wrong with the document: there it has a line.
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

/** A title as a name; empty if nothing of it may stand in one. */
function nameFrom(title: string): string {
  const name = title
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
  if (nameSchema.safeParse(name).success) return name;
  throw refusal('invalid', [{ path: 'info.title', message: 'makes no name for a project: give one with --name' }]);
}

/** The different paths of the servers, variables at their defaults; a relative address is one on the document's own host. */
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
    notes.push(`the document has servers with different paths, ${served.join(', ')}: the first one was taken; --base-path says another`);
  }
  if (project.basePath === '/' && basePath === undefined) {
    notes.push('it has no path of its own, and so claims every path of an environment: --base-path gives it one');
  }
  if (first !== undefined && first !== '/' && /^https?:\/\/[^/]+\/?$/.test(target)) {
    const example = project.resources?.[0]?.path ?? '/';
    const join = (path: string) => `${target.replace(/\/$/, '')}${path}`;
    notes.push(
      `${project.basePath}${example} goes to ${join(example)}: if the target wants ${first} before it, give --target ${join(first)}`,
    );
  }
  const schemes =
    isMap(api['components']) && isMap(api['components']['securitySchemes']) ? Object.keys(api['components']['securitySchemes']) : [];
  if (schemes.length > 0) {
    notes.push(`the document wants callers to show ${schemes.join(', ')}: that is left to the target unless you add policies`);
  }
  return notes;
}

function emptyNote(empty: readonly string[]): string[] {
  if (empty.length === 0) return [];
  return [`without any operation, and left out: ${empty.slice(0, 5).join(', ')}${empty.length > 5 ? ` and ${empty.length - 5} more` : ''}`];
}
