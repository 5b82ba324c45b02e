import { Agent, type IncomingMessage, type RequestListener, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { Test } from 'tap';
import type { ProjectInput } from '../../src/model/project.ts';
import type { PolicyServices } from '../../src/policies/contract.ts';
import { serveProject } from '../policies/served-project.ts';
import { policyServices } from '../tools/policy-services.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A project served on a real listener, before a real target. */
export interface Served {
  readonly address: string;
  /** Log lines of the gateway. */
  readonly lines: readonly Record<string, unknown>[];
  ask(path: string, headers?: Record<string, string>, method?: string, body?: string): Promise<Answer>;
  /** The same without a method and body, for a response that is no text. */
  raw(path: string, headers?: Record<string, string>): Promise<Omit<Answer, 'body'> & { readonly body: Buffer }>;
  /** Sends a request, and returns a function that breaks it off. */
  begin(path: string, headers?: Record<string, string>): () => void;
}

/** Serves a project with the base path `/`, whose target is `target`. */
export async function served(
  t: Test,
  input: Partial<ProjectInput>,
  target: RequestListener,
  services: Partial<PolicyServices> = {},
): Promise<Served> {
  const resources = [{ path: '/', childPaths: true }];
  const targets = { default: { url: '${variables.backend}' }, ...input.targets };
  const project = await serveProject(t, { basePath: '/', resources, ...input, targets }, policyServices(services));
  project.answer = target;
  const { address, lines } = project;
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const send = (path: string, headers: Record<string, string> = {}, method = 'GET', body = '') =>
    new Promise<Omit<Answer, 'body'> & { readonly body: Buffer }>((resolve, reject) => {
      request(`http://${address}${path}`, { method, headers, agent }, (response) => {
        const { statusCode: status = 0, headers: fields } = response;
        buffer(response).then((received) => resolve({ status, headers: fields, body: received }), reject);
      })
        .on('error', reject)
        .end(body);
    });
  return {
    address,
    lines,
    raw: send,
    async ask(...given) {
      const { body, ...answer } = await send(...given);
      return { ...answer, body: body.toString() };
    },
    begin(path, headers = {}) {
      const sent = request(`http://${address}${path}`, { headers, agent: false });
      sent.on('error', () => {});
      sent.end();
      return () => sent.destroy();
    },
  };
}
