import { Agent as HttpAgent, type IncomingMessage, request as plainRequest, type RequestOptions } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { isIP } from 'node:net';
import { processResolver } from '../dns/resolver.ts';
import type { AddressGuard } from '../model/address-guard.ts';
import { readWhole } from '../model/read-whole.ts';
import type { Outbound, OutboundAnswer, OutboundRequest } from '../policies/outbound.ts';

const defaultTimeoutMs = 5000;
/** Greatest body that is read. Key sets and decisions are far smaller. */
const mostOctets = 1 << 20;
/** Requests that run or wait for a connection. More are refused: a service that is slow must not fill memory. */
const mostAtOnce = 1024;
const connections = { keepAlive: true, maxSockets: 64, maxTotalSockets: 256, maxFreeSockets: 16, timeout: 30_000 };

/** {@link Outbound} over Node.js' HTTP client. */
export class OutboundHttp implements Outbound {
  readonly #guard: AddressGuard | undefined;
  readonly #plain = new HttpAgent(connections);
  readonly #tls = new TlsAgent(connections);
  #atOnce = 0;

  constructor(guard?: AddressGuard) {
    this.#guard = guard;
  }

  async send(request: OutboundRequest): Promise<OutboundAnswer> {
    if (this.#atOnce >= mostAtOnce) throw new Error(`${mostAtOnce} requests of policies run already`);
    this.#atOnce++;
    const { timeoutMs = defaultTimeoutMs } = request;
    const deadline = AbortSignal.timeout(timeoutMs);
    try {
      return await this.#attempt(request, deadline, request.repeatable !== false);
    } catch (error) {
      throw deadline.aborted ? new Error(`no answer within ${timeoutMs} ms`) : error;
    } finally {
      this.#atOnce--;
    }
  }

  /** @param again the request is sent again if a kept connection turns out to be closed */
  #attempt(request: OutboundRequest, signal: AbortSignal, again: boolean): Promise<OutboundAnswer> {
    const { url: text, method = 'GET', headers = {}, body, ca, repeatable } = request;
    const url = new URL(text);
    const secure = url.protocol === 'https:';
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const options: RequestOptions & { ca?: string; servername?: string } = {
      ...processResolver.dial(host, Number(url.port || (secure ? 443 : 80)), request.timeoutMs ?? defaultTimeoutMs, this.#guard),
      method,
      path: `${url.pathname}${url.search}`,
      headers: { host: url.host, ...headers, ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }) },
      agent: repeatable === false ? false : secure ? this.#tls : this.#plain,
      signal,
      ...(secure && ca !== undefined && { ca }),
      ...(secure && { servername: isIP(host) === 0 ? host : '' }),
    };
    return new Promise((resolve, reject) => {
      const sent = (secure ? tlsRequest : plainRequest)(options, (response) => answerOf(response).then(resolve, reject));
      sent.on('error', (error: NodeJS.ErrnoException) => {
        if (again && sent.reusedSocket && error.code === 'ECONNRESET') this.#attempt(request, signal, false).then(resolve, reject);
        else reject(error);
      });
      sent.end(body);
    });
  }
}

async function answerOf(response: IncomingMessage): Promise<OutboundAnswer> {
  const body = await readWhole(response, mostOctets);
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}
