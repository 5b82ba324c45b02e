import { Agent, IncomingMessage } from 'node:http';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import httpProxy from 'http-proxy';
import type { EditedFields } from '../http1/edited-fields.ts';
import { fieldIds } from '../http1/field-names.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ServerConnection } from '../http1/server-connection.ts';
import type { Exchange, Failure, Route } from './contract.ts';
import { failures } from './failures.ts';
import type { HttpListener } from './listener.ts';
import { writtenByUs } from './request-head-out.ts';
import type { Upstream } from './upstream.ts';

/** What a request that asks to switch protocols brings along. */
export interface UpgradeRequest {
  readonly listener: HttpListener;
  readonly client: ServerConnection;
  readonly head: RequestHead;
  readonly exchange: Exchange;
  readonly edits: EditedFields;
  readonly route: Route;
  /** The client's connection is about to be given away; the exchange as such has ended. */
  opening(): void;
  failed(failure: Failure): void;
}

const proxy = httpProxy.createProxyServer({ ws: true, ignorePath: true });
// http-proxy itself lets only WebSocket pass; other protocols upgrade in the same way (RFC 9110 section 7.8).
const passes = proxy as unknown as { wsPasses: { name: string }[] };
passes.wsPasses = passes.wsPasses.filter((pass) => pass.name !== 'checkMethodAndHeader');
proxy.on('proxyReqWs', (request, incoming) => {
  request.path = incoming.url ?? '/';
  request.prependOnceListener('response', (response) => refuseSwitch(response, incoming.socket));
});

/**
 * Whether a request is handed over to another protocol. `h2c` is not: the field is dropped and the request stays
 * HTTP/1.1, because a tunnel of HTTP/2 would pass every rule by (RFC 9110 section 7.8 lets a server ignore the field).
 */
export function switchesProtocol(head: RequestHead): boolean {
  if (!head.upgrade || head.chunked || head.contentLength > 0) return false;
  const protocols = head.fields.get('upgrade') ?? '';
  return !/\bh2c?\b/i.test(protocols);
}

/** Connects to a server for an upgrade, as often as the route allows, and hands both sockets to http-proxy. */
export class Upgrade {
  readonly #request: UpgradeRequest;
  readonly #tried: Upstream[] = [];
  #connecting: net.Socket | undefined;
  #upstream: Upstream | undefined;

  constructor(request: UpgradeRequest) {
    this.#request = request;
    this.#attempt(failures.noServer);
  }

  /** The client is gone before the upstream was reached. */
  abandon(): void {
    this.#connecting?.destroy();
    this.#leave();
  }

  #attempt(otherwise: Failure): void {
    const { route, exchange } = this.#request;
    const upstream = route.pick(exchange, this.#tried);
    if (upstream === undefined) return this.#request.failed(otherwise);
    this.#upstream = upstream;
    upstream.active++;
    upstream.requests++;
    const place = { host: upstream.host, port: upstream.port };
    const socket = upstream.tls ? tls.connect({ ...place, servername: net.isIP(place.host) === 0 ? place.host : '' }) : net.connect(place);
    this.#connecting = socket;
    const { connect } = route.settings.timeouts;
    if (connect > 0) socket.setTimeout(connect, () => socket.destroy(new Error('no connection in time')));
    const failed = (error: Error) => this.#failed(upstream, error);
    socket.once('error', failed);
    socket.once(upstream.tls ? 'secureConnect' : 'connect', () => {
      socket.off('error', failed);
      socket.setTimeout(0);
      this.#open(upstream, socket);
    });
  }

  #failed(upstream: Upstream, error: Error): void {
    const { route } = this.#request;
    if (this.#upstream !== upstream) return;
    this.#leave();
    upstream.failures++;
    route.observe?.(upstream, { kind: 'connect-failed', reason: error.message });
    this.#tried.push(upstream);
    if (this.#tried.length < route.settings.retries.attempts) this.#attempt(failures.connectFailed);
    else this.#request.failed(failures.connectFailed);
  }

  #open(upstream: Upstream, upstreamSocket: net.Socket): void {
    const incoming = this.#incoming(upstream);
    this.#request.opening();
    const { socket, after } = this.#request.client.release();
    incoming.socket = socket;
    upstream.upgraded++;
    this.#connecting = undefined;
    this.#request.listener.tunnelOpened(this.#request.client, socket);
    socket.once('close', () => {
      upstream.upgraded--;
      this.#leave();
      upstreamSocket.destroy();
    });
    upstreamSocket.once('close', () => socket.destroySoon());
    const agent = new Agent();
    agent.createConnection = () => upstreamSocket as Duplex;
    const target = { protocol: 'http:', host: upstream.host, port: upstream.port } as unknown as string;
    proxy.ws(incoming, socket, after, { target, agent }, () => socket.destroySoon());
  }

  /** The request as Node's own classes know it, with the fields that a forwarded request gets. */
  #incoming(upstream: Upstream): IncomingMessage {
    const { head, edits, route, exchange, client, listener } = this.#request;
    const rewrite = route.rewrite?.(exchange, upstream);
    const incoming = new IncomingMessage(new net.Socket());
    incoming.method = head.method;
    incoming.url = rewrite?.target ?? head.target();
    const headers: Record<string, string | string[]> = {};
    for (const [name, value] of edits.entries()) {
      const lower = name.toLowerCase();
      if (writtenByUs(lower)) continue;
      const present = headers[lower];
      headers[lower] = present === undefined ? value : [present, value].flat();
    }
    for (const line of listener.peers.forwardedLines(client.peer, head).trimEnd().split('\r\n')) {
      const colon = line.indexOf(':');
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 2);
    }
    headers['host'] = rewrite?.host ?? head.authority();
    headers['x-request-id'] = exchange.id;
    headers['via'] = [headers['via'] ?? [], '1.1 sluice'].flat().join(', ');
    headers['connection'] = 'Upgrade';
    headers['upgrade'] = head.fields.value(head.fields.indexOf(fieldIds.upgrade));
    incoming.headers = headers as IncomingMessage['headers'];
    return incoming;
  }

  #leave(): void {
    if (this.#upstream) this.#upstream.active--;
    this.#upstream = undefined;
  }
}

/** The upstream answers in HTTP instead of switching. Marking the answer as upgraded keeps http-proxy from passing its framing on unread. */
function refuseSwitch(response: IncomingMessage & { upgrade?: boolean }, client: net.Socket): void {
  response.upgrade = true;
  let head = `HTTP/1.1 ${response.statusCode} ${response.statusMessage}\r\n`;
  for (let index = 0; index < response.rawHeaders.length; index += 2) {
    const name = response.rawHeaders[index] as string;
    if (!/^(connection|keep-alive|transfer-encoding|upgrade|proxy-connection)$/i.test(name)) head += `${name}: ${response.rawHeaders[index + 1]}\r\n`;
  }
  client.write(Buffer.from(`${head}Connection: close\r\n\r\n`, 'latin1'));
  response.pipe(client);
}

