import type { ControlApp } from './control-app.ts';
import type { PackedText } from './packed-text.ts';
import { describeProblem, sendProblem } from './problem.ts';

/** The files of the built dashboard: each one's text, by URL path. */
export type Page = Readonly<Record<string, PackedText>>;

const types: Readonly<Record<string, string>> = {
  html: 'text/html',
  js: 'text/javascript',
  css: 'text/css',
  svg: 'image/svg+xml',
  json: 'application/json',
};

/** Forbids resources of other origins, inline scripts and styles, and framing by any page. */
const securityHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
};

/** Serves the dashboard without a token: its files contain no data; that comes from the admin API after signing in. */
export function pageRoutes(app: ControlApp, page: Page | undefined): void {
  const hidden = { config: { access: 'anyone' as const }, schema: { hide: true } };
  if (page === undefined) {
    app.get('/', hidden, async (_request, reply) =>
      sendProblem(
        reply,
        describeProblem(503, 'unavailable', 'the dashboard has not been built: run "npm run build", then start Sluice again'),
      ),
    );
    return;
  }
  for (const [path, text] of Object.entries(page)) {
    const type = `${types[path.split('.').at(-1) ?? ''] ?? 'text/html'}; charset=utf-8`;
    const etag = `"${text.hash}"`;
    app.get(path, hidden, async (request, reply) => {
      reply.headers({ ...securityHeaders, etag, 'cache-control': 'no-cache' });
      if (request.headers['if-none-match'] === etag) return reply.code(304).send();
      return reply.type(type).send(await text.read());
    });
  }
}
