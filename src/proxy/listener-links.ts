import { processDeadlines } from '../http1/connection/deadlines.ts';
import type { ServerConnection } from '../http1/connection/server-connection.ts';
import type { RequestHead } from '../http1/message/request-head.ts';
import { Link } from '../link/link.ts';
import { LinkWire } from '../link/link-wire.ts';
import { linkAnswer, opensLink } from '../link/opening.ts';
import { balancerField } from '../model/server-identity.ts';
import type { Handler } from './contract.ts';
import type { ListenerProxies } from './trusted-proxies.ts';

/** The listener of links. */
export interface LinksOwner {
  readonly proxies: ListenerProxies;
  readonly handler: Handler;
  /** Serves a stream that a balancer has opened. @param connection the one that has become its link */
  serveStream(wire: LinkWire, connection: ServerConnection): void;
}

/** True for a stream of a link: it stays HTTP/1.1, since there is no connection that could be given away. */
export function isStream({ wire }: ServerConnection): boolean {
  return wire instanceof LinkWire;
}

/** The links of a listener with balancers. */
export class ListenerLinks {
  readonly #owner: LinksOwner;
  readonly #connections: Set<ServerConnection>;
  readonly #closed: () => void;
  readonly #links = new Set<Link>();
  #closing = false;

  /** @param connections of the listener: those that become links leave them @param closed called when a link is closed */
  constructor(owner: LinksOwner, connections: Set<ServerConnection>, closed: () => void) {
    this.#owner = owner;
    this.#connections = connections;
    this.#closed = closed;
  }

  get size(): number {
    return this.#links.size;
  }

  /** Turns a connection into a link, if its request asks for that, and its peer is believed as a balancer is. */
  takes(connection: ServerConnection, head: RequestHead): boolean {
    if (isStream(connection)) head.upgrade = false;
    const { proxies, handler } = this.#owner;
    const fields = opensLink(head) ? handler.linkFields : undefined;
    if (fields === undefined || this.#closing) return false;
    connection.proof ??= head.fields.get(balancerField);
    if (!proxies.of(connection).believes(connection.peer)) return false;
    const wire = connection.leave();
    this.#connections.delete(connection);
    wire.send(linkAnswer(fields));
    const link: Link = new Link(wire, {
      deadlines: processDeadlines,
      opened: (stream) => this.#owner.serveStream(stream, connection),
      emptied: () => {
        if (this.#closing) link.close();
      },
      closed: (reason, fault) => {
        this.#links.delete(link);
        if (fault) handler.linkFault?.(connection.peer, reason);
        this.#closed();
      },
      crashed: (error) => handler.fault(error, undefined),
    });
    this.#links.add(link);
    return true;
  }

  /** Takes no more streams; each link is closed with its last one. */
  close(): void {
    this.#closing = true;
    for (const link of this.#links) link.leave();
  }

  destroy(): void {
    for (const link of this.#links) link.destroy();
  }
}
