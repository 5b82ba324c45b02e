import type * as z from 'zod';
import { importedApi } from '../model/imported-api.ts';
import { atOnce } from '../model/pieces.ts';
import { type PolicyEntry, type PolicyPoint, type Project, policyPoints, project, resource } from '../model/project.ts';
import { type Target, target } from '../model/target.ts';
import { complainOfUnmatchable, normalBasePath, servableBasePath } from './base-path.ts';
import type { Complain } from './complain.ts';
import { PolicyCompiler } from './policy-set.ts';
import { complainOfResources, complainOfUnmatchableResources } from './resource-paths.ts';
import { planTargets } from './target-plans.ts';

/**
 * Schema of a project that is pushed. Finds everything that servers would reject, as far as it does not depend on an environment's
 * variables, and everything that no request could ever reach. A fault in one part hides no fault in another.
 */
export const pushedProject = project
  .superRefine(
    (value, context) => {
      const known = new Set(context.issues.map(({ path }) => path?.map(String).join('.')));
      complainOf(value, (path, message) => {
        if (!known.has(path.map(String).join('.'))) context.issues.push({ code: 'custom', path: [...path], message, input: undefined });
      });
    },
    { when: () => true },
  )
  .meta({ id: 'PushedProject', description: 'an API: base path, targets, resources, policies' });

/** @param given a project of which some parts may be malformed: those are reported elsewhere, and left out here */
function complainOf(given: unknown, complain: Complain): void {
  const { basePath, targets, resources, policies, encodedSlashes, openapi } = fieldsOf(given);
  const path = sound(project.shape.basePath, basePath);
  if (path !== undefined) {
    servableBasePath(path, complain);
    complainOfUnmatchable(path, complain);
  }
  atOnce(planTargets(soundTargets(targets), undefined, complain));
  const api = sound(importedApi, openapi);
  const compiler = new PolicyCompiler(undefined, complain, undefined, api, Object.keys(fieldsOf(targets)));
  atOnce(compiler.compile(soundLists(policies), ['policies']));
  const list = Array.isArray(resources) ? resources.map(fieldsOf) : [];
  const entries = list.map(({ policies: _, ...rest }) => sound(resource, rest));
  atOnce(complainOfResources(entries, complain));
  const known = { basePath: path && normalBasePath(path), encodedSlashes: encodedSlashes === 'keep' };
  complainOfUnmatchableResources(known, entries, complain);
  list.forEach((entry, index) => {
    atOnce(compiler.compile(soundLists(entry['policies']), ['resources', index, 'policies'], entries[index]));
  });
}

function soundTargets(given: unknown): Record<string, Target> {
  const targets: Record<string, Target> = {};
  for (const [name, written] of Object.entries(fieldsOf(given))) {
    const known = sound(target, written);
    if (known !== undefined) targets[name] = known;
  }
  return targets;
}

/** Replaces malformed entries by none, but keeps the positions of the others, for the places of their faults. */
function soundLists(given: unknown): Project['policies'] {
  const lists = fieldsOf(given);
  const sounds = { proxyRequest: [], targetRequest: [], targetResponse: [], proxyResponse: [] } as Record<PolicyPoint, PolicyEntry[]>;
  for (const point of policyPoints) {
    const list = lists[point];
    if (Array.isArray(list)) sounds[point] = list.map((entry) => (Object.keys(fieldsOf(entry)).length === 1 ? entry : {}));
  }
  return sounds;
}

function sound<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> | undefined {
  return schema.safeParse(value).data;
}

/** The fields of a map; none for anything else. */
function fieldsOf(value: unknown): Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
