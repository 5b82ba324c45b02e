import * as z from 'zod';
import { projectChecked, projectSummary, revisionAnswer, revisionMade } from '../../api/answers.ts';
import { projectTag } from '../../model/entity-tag.ts';
import { SluiceError } from '../../model/fault.ts';
import { hideKeysInPieces } from '../../model/hidden-keys.ts';
import type { Immutable } from '../../model/immutable.ts';
import { name } from '../../model/name.ts';
import { inTurns } from '../../model/pieces.ts';
import type { ProjectSummary, Revision } from '../../model/revision.ts';
import { sameFields } from '../../model/same-fields.ts';
import { SharedReads } from '../../model/shared-reads.ts';
import type { CheckedProject } from '../../projects/checked-project.ts';
import { documents } from '../documents.ts';
import { KeptList } from '../views/kept-list.ts';
import { bodyTypes } from './bodies.ts';
import type { ControlApp, ControlContext } from './control-app.ts';
import { conditional, expectedTags } from './etag.ts';
import { refusals } from './openapi.ts';

const byName = z.strictObject({ name });
const byRevision = z.strictObject({
  name,
  n: z
    .string()
    .regex(/^[1-9]\d{0,14}$/, 'must be a whole number of at least 1')
    .transform(Number)
    .meta({ description: 'number of the revision' }),
});

/** Pushes, reads and deletes projects and their revisions. */
export function projectRoutes(app: ControlApp, { registry }: ControlContext): void {
  /** Answers by the project's content, so that a large one is searched for keys and written once as long as the registry has it at hand. */
  const answers = new WeakMap<object, Immutable<Revision>>();
  app.post(
    '/v1/projects',
    {
      config: { document: 'project' },
      schema: {
        summary: 'Push a project (201); content equal to the newest revision makes no new revision (200)',
        consumes: bodyTypes,
        headers: conditional,
        body: documents.project,
        response: { 200: revisionMade, 201: revisionMade, ...refusals },
      },
    },
    async (request, reply) => {
      const expect = expectedTags(request.headers['if-match']);
      const { name, revision, created } = await registry.pushProject(request.body, expect && { expect });
      if (created) reply.header('location', `/v1/projects/${name}/revisions/${revision}`);
      return reply.code(created ? 201 : 200).send({ name, revision, ...warningsOf(request.body) });
    },
  );

  app.post(
    '/v1/projects/validate',
    {
      config: { document: 'project' },
      schema: {
        summary: 'Check a project as a push does, and store nothing',
        consumes: bodyTypes,
        body: documents.project,
        response: { 200: projectChecked, ...refusals },
      },
    },
    async ({ body }) => ({ name: body.facts.name, ...warningsOf(body) }),
  );

  const kept = new KeptList<ProjectSummary>(sameFields);
  const lists = new SharedReads(async () => kept.next(await registry.projects()), { rests: true });
  app.get('/v1/projects', { schema: { summary: 'All projects', response: { 200: z.array(projectSummary), ...refusals } } }, () =>
    lists.now(),
  );

  app.get(
    '/v1/projects/:name',
    { schema: { summary: 'One project and its revisions', params: byName, response: { 200: projectSummary, ...refusals } } },
    async (request, reply) => {
      const { name } = request.params;
      const found = await registry.project(name);
      if (!found) throw new SluiceError('not-found', `there is no project "${name}": see sluice project list`);
      return reply.header('etag', `"${projectTag(found)}"`).send(found);
    },
  );

  app.get(
    '/v1/projects/:name/revisions/:n',
    { schema: { summary: 'One revision with its contents', params: byRevision, response: { 200: revisionAnswer, ...refusals } } },
    async (request) => {
      const { name, n } = request.params;
      const found = await registry.revision(name, n);
      if (!found) throw new SluiceError('not-found', `there is no revision ${n} of project "${name}": see sluice project list`);
      const answer = answers.get(found.project) ?? { ...found, project: await inTurns(hideKeysInPieces(found.project)) };
      answers.set(found.project, answer);
      return answer;
    },
  );

  const remove = (name: string, headers: { 'if-match'?: string | undefined }, revision?: number) => {
    const expect = expectedTags(headers['if-match']);
    return registry.deleteProject(name, { ...(expect && { expect }), ...(revision !== undefined && { revision }) });
  };

  app.delete(
    '/v1/projects/:name',
    {
      schema: {
        summary: 'Delete a project with all of its revisions; 409 while an environment runs it',
        headers: conditional,
        params: byName,
        response: { 204: z.undefined(), ...refusals },
      },
    },
    async (request, reply) => {
      await remove(request.params.name, request.headers);
      return reply.code(204).send();
    },
  );

  app.delete(
    '/v1/projects/:name/revisions/:n',
    {
      schema: {
        summary: 'Delete a revision; 409 while an environment runs it or can be rolled back to it. If-Match takes the ETag of the project',
        headers: conditional,
        params: byRevision,
        response: { 204: z.undefined(), ...refusals },
      },
    },
    async (request, reply) => {
      await remove(request.params.name, request.headers, request.params.n);
      return reply.code(204).send();
    },
  );
}

function warningsOf({ facts: { warnings } }: CheckedProject) {
  return warnings.length > 0 ? { warnings: [...warnings] } : {};
}
