import type { ControlApp } from './control-app.ts';
import { describeProblem, sendProblem } from './problem.ts';

/** Answers requests that match no route: 405 with `Allow` if only the method differs (RFC 9110, section 15.5.6), else 404. */
export function answerNotFound(app: ControlApp): void {
  const routes: { segments: string[]; method: string }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    for (const one of [method].flat()) routes.push({ segments: url.split('/'), method: one });
  });
  app.setNotFoundHandler((request, reply) => {
    const segments = (request.url.split('?')[0] as string).split('/');
    const allowed = routes.filter((route) => matches(route.segments, segments)).map((route) => route.method);
    if (allowed.length === 0) return sendProblem(reply, describeProblem(404, 'not-found', 'no such path: see /openapi.json for all paths'));
    reply.header('allow', allowed.join(', '));
    return sendProblem(
      reply,
      describeProblem(405, 'method-not-allowed', `${request.method} is not allowed on this path: use ${allowed.join(' or ')}`),
    );
  });
}

function matches(route: readonly string[], asked: readonly string[]): boolean {
  return (
    route.length === asked.length &&
    route.every((segment, index) => segment === asked[index] || (segment.startsWith(':') && asked[index] !== ''))
  );
}
