import type { Test } from 'tap';
import { parseAddress } from '../../src/model/address.ts';
import { isReserved, readyPath } from '../../src/model/reserved-path.ts';
import { identityField } from '../../src/model/server-identity.ts';
import type { Handler, Route } from '../../src/proxy/contract.ts';
import { failures } from '../../src/proxy/failures.ts';
import { introductionTo } from '../../src/proxy/server-introduction.ts';
import { Upstream } from '../../src/proxy/upstream.ts';
import { eventually } from '../tools/eventually.ts';
import type { Peer } from '../wire/peer.ts';
import { type World, type WorldOptions, world } from '../wire/world.ts';

const identity = 'gw; instance=1; environment=e';

export interface ChainOptions {
  readonly balancer?: WorldOptions;
  readonly gateway?: WorldOptions;
  /** The gateway server's program is too old for links. */
  readonly old?: boolean;
}

/** Client → balancer → gateway server → target, with both of Sluice's roles in this process. */
export interface Chain {
  readonly balancer: World;
  readonly gateway: World;
  /** The gateway server, as the balancer sees it. */
  readonly upstream: Upstream;
  /** Faults of links that the gateway server has reported. */
  readonly linkFaults: readonly string[];
  /** Makes the balancer open its link. */
  linked(): Promise<void>;
  /** Sends a request from a new client, and takes it at a target's connection: the same one, if one is given. */
  ask(text: string, target?: Peer): Promise<{ client: Peer; target: Peer }>;
}

export async function chain(t: Test, options: ChainOptions = {}): Promise<Chain> {
  const linkFaults: string[] = [];
  const handler: Omit<Handler, 'fault'> = {
    request: (exchange) => {
      if (exchange.request.path === readyPath) exchange.respond(200, { [identityField]: identity }, 'ready');
      else if (isReserved(exchange.request.path)) exchange.fail(failures.reserved);
      else exchange.forward(gateway.route);
    },
    linkFields: options.old ? undefined : `${identityField}: ${identity}\r\n`,
    linkFault: (_peer, reason) => void linkFaults.push(reason),
  };
  const gateway: World = await world(t, { handler, listener: { trustedProxies: ['127.0.0.0/8'] }, ...options.gateway });
  const { address } = gateway.listener;
  const upstream = new Upstream({ id: 'gw', ...parseAddress(address) });
  upstream.pool.introduction = introductionTo(identity, address);
  upstream.share((reason) => linkFaults.push(reason));
  const pick: Route['pick'] = (_exchange, tried) => (tried.includes(upstream) || !upstream.available ? undefined : upstream);
  const balancer = await world(t, { servers: 0, ...options.balancer, route: { pick, ...options.balancer?.route } });
  upstream.maxActive = balancer.route.settings.limits.connectionsPerServer;
  t.teardown(() => upstream.retire());
  const ask = async (text: string, before?: Peer) => {
    const client = await balancer.client();
    client.send(text);
    return { client, target: before ?? (await gateway.server.next()) };
  };
  const first = async () => {
    const { client, target } = await ask('GET /first HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await target.head();
    target.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    await client.message();
  };
  const linked = async () => {
    await first();
    await eventually(
      () => upstream.link?.open,
      (open) => open === 1,
      { what: 'an open link' },
    );
    await first();
  };
  return { balancer, gateway, upstream, linkFaults, linked, ask };
}
