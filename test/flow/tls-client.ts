import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type tls from 'node:tls';
import type { Owner } from '../tools/owner.ts';

/** A server that answers with the fields about the client that it got. */
export async function startForwarded(owner: Owner): Promise<string> {
  const server = http.createServer((request, response) => response.end(JSON.stringify(request.headers)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  owner.teardown(() => server.close());
  return `127.0.0.1:${(server.address() as { port: number }).port}`;
}

/** Asks once, on a new connection unless the options name an agent. `names` are those of the certificate. */
export async function ask(
  address: string,
  host: string,
  options: https.RequestOptions = {},
): Promise<{ status: number | undefined; body: string; names: string }> {
  const port = Number(address.split(':')[1]);
  const asked = https.get({ host: '127.0.0.1', port, servername: host, headers: { host: `${host}:${port}` }, agent: false, ...options });
  const [response] = (await once(asked, 'response')) as [http.IncomingMessage];
  const names = (response.socket as tls.TLSSocket).getPeerCertificate().subjectaltname ?? '';
  let body = '';
  for await (const piece of response) body += piece;
  return { status: response.statusCode, body, names };
}
