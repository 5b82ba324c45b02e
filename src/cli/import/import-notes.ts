import type { ProjectInput } from '../../model/project.ts';
import type { OpenApiDocument } from './openapi-document.ts';
import type { ImportOptions } from './openapi-project.ts';
import type { Security } from './security-suggestions.ts';

/** Names of a list that are shown. */
const few = 5;

/** Remarks for the user on choices that an import made. */
export function notesOn(document: OpenApiDocument, project: ProjectInput, options: ImportOptions, empty: readonly string[]): string[] {
  const { serverPaths } = document;
  const [first] = serverPaths;
  const notes: string[] = [];
  if (serverPaths.length > 1 && options.basePath === undefined)
    notes.push(`the servers have different paths, ${serverPaths.join(', ')}: the first is used; choose another with --base-path`);
  if (project.basePath === '/')
    notes.push('the base path is /, so the project claims every path of an environment: give a narrower one with --base-path');
  if (first !== undefined && first !== '/' && /^https?:\/\/[^/]+\/?$/.test(options.target)) {
    const example = project.resources?.[0]?.path ?? '/';
    const join = (path: string) => `${options.target.replace(/\/$/, '')}${path}`;
    notes.push(
      `${project.basePath}${example} goes to ${join(example)}: if the target expects ${first} in front, give --target ${join(first)}`,
    );
  }
  if (empty.length > 0) notes.push(`left out, because they have no operations: ${someOf(empty)}`);
  return notes;
}

/**
 * The document's demands on credentials, with the policies that would check them: an import sets none of them up, since keys and issuers are not in the
 * document.
 */
export function securityNotes({ suggestions, open, guarded, combined }: Security): string[] {
  if (suggestions.length === 0) return [];
  const notes = [
    `the document has security schemes, and NOTHING in the project checks them: every request goes to the target, with or without credentials. To have them checked, add policies for`,
    ...suggestions.map(({ scheme, policy }) => `  ${scheme} -> ${policy === undefined ? 'no policy checks this' : `- ${policy}`}`),
  ];
  if (guarded.length === 0) notes.push('no operation of the document needs a scheme');
  else if (open.length === 0) notes.push('every operation needs one: add them to policies.proxyRequest of the project');
  else
    notes.push(
      `${guarded.length} operations need one, ${open.length} do not (${someOf(open)}): add them to policies.proxyRequest of the resources that need them`,
    );
  if (combined)
    notes.push(
      'some operations take one of several schemes, or need several together: policies in one list are all required, so choose for each resource',
    );
  return notes;
}

function someOf(names: readonly string[]): string {
  return `${names.slice(0, few).join(', ')}${names.length > few ? ` and ${names.length - few} more` : ''}`;
}
