import { createServer } from 'node:http';
import { listening } from './listening.ts';
import type { Owner } from './owner.ts';
import type { BalancerUnderTest } from './sluice-under-test.ts';

/** A target that answers with `METHOD PATH BODY` of each request. */
export interface EchoTarget {
  readonly url: string;
  /** Number of POSTs by path: more than 1 means that a POST was carried out again. */
  readonly posts: ReadonlyMap<string, number>;
}

export async function startTarget(owner: Owner): Promise<EchoTarget> {
  const posts = new Map<string, number>();
  const server = createServer(async (request, response) => {
    let body = '';
    try {
      for await (const piece of request) body += piece;
    } catch {
      // The sender has broken the request off: a proxy whose client is gone.
      return;
    }
    const path = (request.url ?? '').slice(1);
    if (request.method === 'POST') posts.set(path, (posts.get(path) ?? 0) + 1);
    response.end(`${request.method} ${path} ${body}`);
  });
  server.keepAliveTimeout = 120_000;
  const address = await listening(owner, server);
  return { url: `http://${address}`, posts };
}

/** A project at `/echo` that leads to an echo target and names its revision in `x-revision`. */
export function echoProject(url: string, revision: string): Record<string, unknown> {
  return {
    name: 'echo',
    basePath: '/echo',
    targets: { default: { url } },
    policies: { proxyResponse: [{ headers: { set: { 'x-revision': revision } } }] },
  };
}

/** Pushes the echo project and deploys its newest revision. */
export async function deployEcho(
  balancer: BalancerUnderTest,
  targetUrl: string,
  revision = '1',
  environment = 'production',
): Promise<void> {
  await balancer.api('POST', '/v1/projects', echoProject(targetUrl, revision));
  await balancer.api('PUT', `/v1/environments/${environment}/deployments/echo`, {});
}
