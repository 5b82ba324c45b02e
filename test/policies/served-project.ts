import http from 'node:http';
import { type CompiledProject, compileProject } from '../../src/gateway/compiled-project.ts';
import { GatewayHandler } from '../../src/gateway/gateway-handler.ts';
import { ProjectTable } from '../../src/gateway/project-table.ts';
import { environmentSpec } from '../../src/model/environment.ts';
import type { ProjectInput } from '../../src/model/project.ts';
import type { PolicyServices } from '../../src/policies/contract.ts';
import { openListener } from '../../src/proxy/http-listener.ts';
import { deployed } from '../gateway/samples.ts';
import { keptLogger, type LogLine } from '../tools/fake-logger.ts';
import { listening } from '../tools/listening.ts';
import type { Owner } from '../tools/owner.ts';
import { policyServices } from '../tools/policy-services.ts';

/** An answer, with the lines of its head. */
export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** A request as the target got it. */
export interface Arrived {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
}

/** A project that a gateway's handler serves behind a real listener, in front of a real target. */
export interface ServedProject {
  readonly address: string;
  /** Log lines of the gateway. */
  readonly lines: readonly LogLine[];
  /** The requests that the target got, in order. */
  readonly arrived: readonly Arrived[];
  /** Decides what the target answers; default: 200 with the text `ok`. */
  answer: http.RequestListener;
  send(method: string, path: string, headers?: http.OutgoingHttpHeaders, body?: string | Buffer): Promise<Answer>;
  /** The revision that is served. */
  readonly compiled: CompiledProject;
  /** Serves another revision of the project from now on. */
  redeploy(project: Partial<ProjectInput>): void;
}

/** @param project without a name it is `shop`; `${variables.backend}` is the URL of the target, which is the default one unless the project has targets */
export async function serveProject(
  owner: Owner,
  project: Partial<ProjectInput>,
  services: PolicyServices = policyServices(),
  variables: Record<string, string> = {},
): Promise<ServedProject> {
  const arrived: Arrived[] = [];
  const target = http.createServer((request, response) => {
    arrived.push({ method: request.method as string, url: request.url as string, headers: request.headers });
    served.answer(request, response);
  });
  const backend = `http://${await listening(owner, target)}`;
  const compile = (given: Partial<ProjectInput>, previous?: ReturnType<typeof compileProject>) =>
    compileProject(deployed({ name: 'shop', targets: { default: { url: '${variables.backend}' } }, ...given }), {
      origin: { epoch: 'e', variables: { backend, ...variables } },
      services,
      previous,
    });
  let current = compile(project);
  const table = new ProjectTable([current]);
  for (const policy of current.living) policy.begin?.();
  const { limits, timeouts } = environmentSpec.parse({});
  const faults: unknown[] = [];
  const { logger, lines } = keptLogger();
  const handler = new GatewayHandler({ table, ready: true }, logger);
  const listener = await openListener(
    '127.0.0.1:0',
    { headerBytes: limits.headerBytes, bodyRate: 0, timeouts, trustedProxies: ['127.0.0.1'] },
    { request: (exchange) => handler.request(exchange), fault: (error) => void faults.push(error) },
  );
  const agent = new http.Agent({ keepAlive: false });
  owner.teardown(async () => {
    for (const policy of current.living) policy.end?.();
    for (const upstream of current.upstreams.values()) upstream.retire();
    await listener.close(0);
    if (faults.length > 0) throw faults[0];
  });
  const served: ServedProject = {
    address: listener.address,
    lines,
    arrived,
    answer: (_, response) => void response.end('ok'),
    send(method, path, headers = {}, body = undefined) {
      const [host, port] = listener.address.split(':');
      return new Promise((resolve, reject) => {
        const request = http.request({ host, port, method, path, headers, agent }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (piece) => {
            text += piece;
          });
          response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
          response.on('error', reject);
        });
        request.on('error', reject).end(body);
      });
    },
    get compiled() {
      return current;
    },
    redeploy(given) {
      const next = compile(given, current);
      table.set(next);
      for (const policy of next.living) policy.begin?.();
      for (const policy of current.living) policy.end?.();
      current = next;
    },
  };
  return served;
}
