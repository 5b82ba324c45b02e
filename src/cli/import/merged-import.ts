import { isDeepStrictEqual } from 'node:util';
import type { Immutable } from '../../model/immutable.ts';
import type { Project, ProjectInput } from '../../model/project.ts';
import { templateKey } from './api-operations.ts';

type Resource = NonNullable<Immutable<ProjectInput>['resources']>[number];
type Operations = NonNullable<Project['openapi']>['operations'];

/** A project after another import of its document. */
export interface Merged {
  readonly project: Immutable<ProjectInput>;
  /** Choices that the user should know, most of them about edits that were kept. */
  readonly notes: readonly string[];
}

/** Explicit options of the import. */
export interface Given {
  readonly basePath?: string | undefined;
}

/**
 * Brings what an import has made into a project that has it from before. Operations that are new in the document are added, those that the document no longer
 * has are removed; everything else stays as the project has it: policies, targets, resources and operations that were added or removed by hand. Which of them
 * were is seen by comparing with `openapi`, which tells what the last import has made.
 */
export function mergeImport(project: Immutable<ProjectInput>, imported: ProjectInput, given: Given): Merged {
  const notes: string[] = [];
  const { openapi: last, ...kept } = project;
  const merge = new ResourceMerge(project.resources ?? [], operationKeys(last?.operations), notes);
  const resources = merge.merged(imported.resources ?? []);
  if (given.basePath === undefined && imported.basePath !== kept.basePath)
    notes.push(`the base path stays ${kept.basePath}; the document has ${imported.basePath}: change it with --base-path`);
  const { openapi } = imported;
  if (last !== undefined && openapi === undefined) notes.push('what requests must be is not in the project any more, see above');
  return {
    project: {
      ...kept,
      ...(imported.version !== undefined && { version: imported.version }),
      ...(given.basePath !== undefined && { basePath: given.basePath }),
      targets: mergedTargets(project, imported, notes),
      resources,
      ...(openapi && { openapi }),
    },
    notes,
  };
}

/** The target `default` gets the URL of this import, unless it was edited since an import with the same URL. */
function mergedTargets(project: Immutable<ProjectInput>, imported: ProjectInput, notes: string[]): Immutable<ProjectInput>['targets'] {
  const wanted = imported.targets['default']?.url;
  const { default: present, ...others } = project.targets;
  if (present === undefined) {
    const needed = project.resources?.some(({ target = 'default' }) => target === 'default') ?? true;
    return needed || imported.resources?.length ? { ...others, default: { url: wanted } } : others;
  }
  if (present.url === wanted) return project.targets;
  if (project.openapi?.target === wanted || present.url === undefined) {
    notes.push(`the target default stays as it is in the project, not ${wanted}: it was edited there`);
    return project.targets;
  }
  return { ...project.targets, default: { ...present, url: wanted } };
}

class ResourceMerge {
  readonly #present: readonly Resource[];
  /** Operations of the last import; undefined: not known. */
  readonly #last: ReadonlySet<string> | undefined;
  readonly #notes: string[];

  constructor(present: readonly Resource[], last: ReadonlySet<string> | undefined, notes: string[]) {
    this.#present = present;
    this.#last = last;
    this.#notes = notes;
  }

  merged(imported: readonly Resource[]): Resource[] {
    const now = new Set(imported.flatMap(operationsOf));
    const kept = this.#present.flatMap((resource) => this.#withoutRemoved(resource, now));
    const spelled = new Map(imported.map(({ path }) => [templateKey(path), path]));
    const result: Resource[] = kept.map((resource) => ({ ...resource, path: spelled.get(templateKey(resource.path)) ?? resource.path }));
    const served = new Set(this.#present.flatMap(operationsOf));
    const everything = new Set(this.#present.filter(({ methods }) => methods === undefined).map(({ path }) => templateKey(path)));
    const removed: string[] = [];
    for (const resource of imported) {
      const key = templateKey(resource.path);
      const mock = mockOf(resource);
      const methods = (resource.methods ?? []).filter((method) => {
        const operation = `${method} ${key}`;
        if (mock !== undefined && served.has(operation)) this.#addMock(result, key, method, mock);
        if (served.has(operation) || everything.has(key)) return false;
        if (!this.#last?.has(operation)) return true;
        removed.push(`${method} ${resource.path}`);
        return false;
      });
      if (methods.length > 0) this.#add(result, { ...resource, methods });
    }
    if (removed.length > 0) this.#notes.push(`not added again, since they were removed from the project by hand: ${removed.join(', ')}`);
    return result;
  }

  /** The resource without the methods that the last import had and this one has not. */
  #withoutRemoved(resource: Resource, now: ReadonlySet<string>): Resource[] {
    const { methods, path } = resource;
    if (methods === undefined) return [resource];
    const left = methods.filter((method) => {
      const operation = `${method} ${templateKey(path)}`;
      return now.has(operation) || !this.#last?.has(operation);
    });
    if (left.length === methods.length) return [resource];
    return left.length === 0 ? [] : [{ ...resource, methods: left }];
  }

  /** New methods join the resource of their path, so that its policies hold for them too. */
  #add(result: Resource[], added: Resource): void {
    const key = templateKey(added.path);
    const around = result.filter(({ path, methods }) => templateKey(path) === key && methods !== undefined);
    const [only] = around;
    if (around.length === 1 && only !== undefined && mockOf(added) === undefined && mockOf(only) === undefined) {
      result[result.indexOf(only)] = { ...only, methods: [...(only.methods ?? []), ...(added.methods ?? [])] };
      return;
    }
    const guarded = around.some(
      ({ policies }) => policies !== undefined && Object.values(policies).some((list) => (list?.length ?? 0) > 0),
    );
    if (guarded)
      this.#notes.push(
        `${added.methods?.join(', ')} ${added.path} is new and has none of the policies that other methods of that path have: check it`,
      );
    result.push(added);
  }

  /** Has an operation answered from its example, in a resource of its own, unless something answers it already. */
  #addMock(result: Resource[], key: string, method: string, mock: MockEntry): void {
    const index = result.findIndex(({ path, methods }) => templateKey(path) === key && methods?.includes(method));
    const resource = result[index];
    if (resource === undefined || mockOf(resource) !== undefined) return;
    const request = [...(resource.policies?.proxyRequest ?? []), mock];
    const mocked = { ...resource, methods: [method], policies: { ...resource.policies, proxyRequest: request } };
    const others = (resource.methods ?? []).filter((one) => one !== method);
    result.splice(index, 1, ...(others.length > 0 ? [{ ...resource, methods: others }] : []), mocked);
  }
}

type MockEntry = NonNullable<NonNullable<Resource['policies']>['proxyRequest']>[number];

function mockOf({ policies }: Resource): MockEntry | undefined {
  return policies?.proxyRequest?.find((entry) => 'respond' in entry);
}

/** Operations of a resource, with the paths that match the same requests written alike. */
function operationsOf({ path, methods = [] }: Resource): string[] {
  return methods.map((method) => `${method} ${templateKey(path)}`);
}

function operationKeys(operations: Operations | undefined): Set<string> | undefined {
  if (operations === undefined) return undefined;
  return new Set(Object.entries(operations).flatMap(([path, methods]) => operationsOf({ path, methods: Object.keys(methods) })));
}

/** Differences between two states of a project, a line each: `+` is added, `-` removed, `~` changed. */
export function changesBetween(before: Project, after: Project): string[] {
  const lines: string[] = [];
  for (const field of ['version', 'basePath'] as const)
    if (before[field] !== after[field]) lines.push(`~ ${field}: ${before[field] || 'none'} -> ${after[field] || 'none'}`);
  for (const name of new Set([...Object.keys(before.targets), ...Object.keys(after.targets)])) {
    const [one, other] = [before.targets[name], after.targets[name]];
    if (isDeepStrictEqual(one, other)) continue;
    if (one === undefined || other === undefined) lines.push(`${one === undefined ? '+' : '-'} target ${name}`);
    else lines.push(`~ target ${name}: ${one.url ?? 'several URLs'} -> ${other.url ?? 'several URLs'}`);
  }
  lines.push(...changedResources(before.resources, after.resources));
  lines.push(...changedRequests(before.openapi, after.openapi));
  return lines;
}

function changedResources(before: Project['resources'], after: Project['resources']): string[] {
  const byOperation = (list: Project['resources']) =>
    new Map(
      list.flatMap((one) => (one.methods ?? ['*']).map((method) => [`${method} ${templateKey(one.path)}`, { ...one, method }] as const)),
    );
  const [one, other] = [byOperation(before), byOperation(after)];
  const lines: string[] = [];
  for (const [key, { path, method }] of other) {
    const known = one.get(key);
    if (known === undefined) lines.push(`+ ${method} ${path}`);
    else if (known.path !== path) lines.push(`~ ${method} ${known.path} -> ${path}`);
    else if (!isDeepStrictEqual(known.policies, other.get(key)?.policies)) lines.push(`~ ${method} ${path}: policies`);
  }
  for (const [key, { path, method, policies }] of one) {
    if (other.has(key)) continue;
    const lost = Object.values(policies).flatMap((list) => list.flatMap((entry) => Object.keys(entry)));
    lines.push(`- ${method} ${path}${lost.length > 0 ? ` (with its policies ${lost.join(', ')})` : ''}`);
  }
  return lines;
}

function changedRequests(before: Project['openapi'], after: Project['openapi']): string[] {
  if (before === undefined && after === undefined) return [];
  if (before === undefined) return ['+ openapi: what requests must be'];
  if (after === undefined) return ['- openapi: what requests must be'];
  const lines: string[] = [];
  for (const [path, methods] of Object.entries(after.operations)) {
    for (const [method, operation] of Object.entries(methods)) {
      const known = before.operations[path]?.[method];
      if (known !== undefined && !isDeepStrictEqual(known, operation)) lines.push(`~ ${method} ${path}: parameters or body`);
    }
  }
  const [one, other] = [before.schemas ?? {}, after.schemas ?? {}];
  for (const name of Object.keys(other)) {
    if (!(name in one)) lines.push(`+ schema ${name}`);
    else if (!isDeepStrictEqual(one[name], other[name])) lines.push(`~ schema ${name}`);
  }
  for (const name of Object.keys(one)) if (!(name in other)) lines.push(`- schema ${name}`);
  return lines;
}
