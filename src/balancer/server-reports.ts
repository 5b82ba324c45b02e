import { request } from 'node:http';
import { connect, type Socket, type TcpSocketConnectOpts } from 'node:net';
import { processResolver } from '../dns/resolver.ts';
import { parseAddress } from '../model/address.ts';
import type { Clock } from '../model/clock.ts';
import { processDescriptors } from '../model/descriptors.ts';
import { readWhole } from '../model/read-whole.ts';
import { acceptsTraffic, type ServerRecord } from '../model/server.ts';
import type { TlsConnector } from '../tls/tls-connector.ts';
import { hopConnector, type MemberHop, memberHop } from './hop.ts';
import type { MemberRecord } from './members.ts';
import type { TableHop } from './table.ts';

/** Servers that are asked at a time. */
const atOnce = 32;
/** Milliseconds in which one server must have answered, and all of them. */
const limitMs = { each: 1000, all: 2000 } as const;

/** Greatest answer of a server in octets. */
const mostOctets = 32 * 1024 * 1024;

/** Dependencies of {@link ServerReports}. */
export interface ServerReportsParts {
  /** The registered servers. */
  readonly members: () => ReadonlyMap<string, MemberRecord>;
  /** This balancer's credentials for connections to servers. */
  readonly credentials: () => TableHop | undefined;
  /** True if a server passes its health checks: these are asked first. */
  readonly isUp: (id: string) => boolean;
  /** Asks a server that is a part of this balancer what it has counted; undefined: it is no part. Default: none is. */
  readonly embedded?: (id: string, project: string | undefined) => Promise<string> | undefined;
  readonly clock: Clock;
}

/** Outcome of asking the servers of an environment. */
export interface ReportsOutcome {
  /** Servers that were asked. */
  readonly asked: number;
  /** Ids of those that did not answer in time, or refused. */
  readonly silent: readonly string[];
  /** Ids of servers that do not know the path, and of those that are not asked: they register by plain HTTP, or are a part of another balancer. */
  readonly unsupported: readonly string[];
}

/**
 * Asks the ready gateway servers of an environment for what is at a reserved path, each over a connection of its own: with mutual TLS if the server has
 * a certificate of the registry, whatever the connections for traffic have, since the server answers only this balancer or its own machine.
 */
export class ServerReports {
  readonly #parts: ServerReportsParts;
  readonly #hops = new Map<string, MemberHop>();
  readonly #connectors = new Map<string, { readonly key: string; readonly hop: MemberHop; readonly connector: TlsConnector }>();

  constructor(parts: ServerReportsParts) {
    this.#parts = parts;
  }

  /** @param take gets the answer of each server; if it throws, the server counts as silent */
  async read(environment: string, path: string, take: (id: string, answer: string) => Promise<void>): Promise<ReportsOutcome> {
    const { members, isUp, clock } = this.#parts;
    const present = [...members().values()].flatMap(({ record, lost }) => (record.environment === environment && !lost ? [record] : []));
    const waiting = present.filter(isReady).sort((one, other) => Number(isUp(other.id)) - Number(isUp(one.id)));
    const silent: string[] = [];
    const unsupported = present.filter(({ source }) => source !== 'join').map(({ id }) => id);
    const asked = waiting.length;
    const end = clock.now() + limitMs.all;
    const ask = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const { id } = next;
        try {
          const { status, body } = await this.#answerOf(next, environment, path, Math.min(limitMs.each, end - clock.now()));
          if (status === 200) await take(id, body);
          else (status === 404 ? unsupported : silent).push(id);
        } catch {
          silent.push(id);
        }
      }
    };
    await Promise.all(Array.from({ length: atOnce }, ask));
    for (const id of this.#connectors.keys()) if (!members().has(id)) this.#connectors.delete(id);
    return { asked, silent: silent.sort(), unsupported: unsupported.sort() };
  }

  /** A server that is a part of a balancer has no address, and only that balancer can ask it. */
  async #answerOf(record: ServerRecord, environment: string, path: string, leftMs: number): Promise<{ status: number; body: string }> {
    if (record.embedded === undefined) return this.#ask(record, environment, path, leftMs);
    const project = new URL(path, 'http://server').searchParams.get('project') ?? undefined;
    const answer = this.#parts.embedded?.(record.id, project);
    return answer === undefined ? { status: 404, body: '' } : { status: 200, body: await answer };
  }

  async #ask(record: ServerRecord, environment: string, path: string, leftMs: number): Promise<{ status: number; body: string }> {
    if (leftMs <= 0) throw new Error('no time is left to ask the server');
    const { host, port } = parseAddress(record.address);
    let socket: Socket | undefined;
    const late = this.#parts.clock.after(leftMs, () => socket?.destroy(new Error('the server did not answer in time')));
    try {
      return await new Promise((resolve, reject) => {
        const opened = () => {
          const options = { path, headers: { host: record.address }, createConnection: () => socket as Socket };
          request(options, (response) => {
            readWhole(response, mostOctets).then((body) => resolve({ status: response.statusCode ?? 0, body: body.toString() }), reject);
          })
            .on('error', reject)
            .end();
        };
        const connector = this.#connectorTo(record, environment);
        socket =
          connector?.connect(host, port, { limitMs: leftMs, secured: opened }) ??
          processResolver.observe(connect(processResolver.dial(host, port, leftMs) as TcpSocketConnectOpts), host).once('connect', opened);
        processDescriptors.hold(socket);
        socket.once('error', reject).once('close', () => reject(new Error('the server closed the connection')));
      });
    } finally {
      late.cancel();
      socket?.destroy();
    }
  }

  /** Undefined: the server has no certificate that it answers with, or this balancer has none. */
  #connectorTo({ id, hop: given }: ServerRecord, environment: string): TlsConnector | undefined {
    const hop = memberHop(environment, this.#parts.credentials(), this.#hops.get(environment));
    if (hop === undefined || given?.serves !== true) return undefined;
    this.#hops.set(environment, hop);
    const known = this.#connectors.get(id);
    if (known?.hop === hop && known.key === given.key) return known.connector;
    const connector = hopConnector(hop, id, given.key);
    this.#connectors.set(id, { key: given.key, hop, connector });
    return connector;
  }
}

function isReady(record: ServerRecord): boolean {
  return record.source === 'join' && record.running !== undefined && acceptsTraffic(record);
}
