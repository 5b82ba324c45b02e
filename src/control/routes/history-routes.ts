import * as z from 'zod';
import { happeningsAnswer } from '../../api/answers.ts';
import type { Journal } from '../feed/journal.ts';
import type { ControlApp } from './control-app.ts';
import { refusals } from './openapi.ts';

/** Serves the journal: the same events that the live feed sends to each new reader first. */
export function historyRoutes(app: ControlApp, journal: Journal): void {
  app.get(
    '/v1/events/history',
    {
      schema: {
        summary: 'Recent events, newest first: servers that joined or left, changes of health, ejections, deployments, rejections',
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(1).optional().meta({ description: 'maximum number of events; default: all that are kept' }),
        }),
        response: { 200: happeningsAnswer, ...refusals },
      },
    },
    async (request) => ({ happenings: [...journal.happenings].reverse().slice(0, request.query.limit) }),
  );
}
