import type { ControlApp } from '../app.ts';
import { describeProblem, sendProblem } from '../problem.ts';
import { refusals } from './openapi.ts';

/** The WebSocket paths, as plain HTTP sees them: described, and answered with 426 (RFC 9110, section 15.5.22). */
export function upgradeRoutes(app: ControlApp): void {
  const paths = [
    ['/v1/join', 'join', 'WebSocket: registration of Sluice gateways'],
    ['/v1/events', 'admin', 'WebSocket: live feed of membership, health, deployments, what happened, and traffic once a second'],
  ] as const;
  for (const [path, access, summary] of paths) {
    app.get(path, { config: { access }, schema: { summary, response: refusals } }, (_request, reply) => {
      reply.header('upgrade', 'websocket').header('connection', 'upgrade');
      sendProblem(reply, describeProblem(426, 'upgrade-required', 'this is a WebSocket: ask with "upgrade: websocket"'));
    });
  }
}
