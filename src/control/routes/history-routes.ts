import * as z from 'zod';
import { happeningsAnswer } from '../../api/answers.ts';
import type { ControlApp } from '../app.ts';
import type { Journal } from '../feed/journal.ts';
import { refusals } from './openapi.ts';

/** What happened before: the journal that the live feed tells at first. */
export function historyRoutes(app: ControlApp, journal: Journal): void {
  app.get(
    '/v1/events/history',
    {
      schema: {
        summary: 'What happened, newest first: joins, leaves, flips, ejections, deploys, rejections',
        querystring: z.strictObject({ limit: z.coerce.number().int().min(1).optional() }),
        response: { 200: happeningsAnswer, ...refusals },
      },
    },
    async (request) => ({ happenings: [...journal.happenings].reverse().slice(0, request.query.limit) }),
  );
}
