import type { ControlApp } from './control-app.ts';
import { refusals } from './openapi.ts';
import { describeProblem, sendProblem } from './problem.ts';

/** Describes the WebSocket paths in `/openapi.json`, and answers plain requests to them with 426 (RFC 9110, section 15.5.22). */
export function upgradeRoutes(app: ControlApp): void {
  const paths = [
    ['/v1/join', 'join', 'WebSocket: gateway servers register and receive their snapshots'],
    ['/v1/events', 'admin', 'WebSocket: live feed of servers, health, deployments, events, and traffic once a second'],
  ] as const;
  for (const [path, access, summary] of paths) {
    app.get(path, { config: { access }, schema: { summary, response: refusals } }, (_request, reply) => {
      reply.header('upgrade', 'websocket').header('connection', 'upgrade');
      sendProblem(reply, describeProblem(426, 'upgrade-required', 'this path is a WebSocket: send "upgrade: websocket"'));
    });
  }
}
