import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { isIPv6 } from 'node:net';
import type { Owner } from './owner.ts';

/** The way in which a {@link DnsServer} answers for a name. */
export interface DnsAnswer {
  /** IP addresses of both families. Default: none, which is an answer without records. */
  readonly addresses?: readonly string[];
  /** Default 60. */
  readonly ttlSeconds?: number;
  /** Answers with this code and without records. */
  readonly failure?: 'NXDOMAIN' | 'SERVFAIL' | 'REFUSED';
  /** Never answers: only for this record type, if one is given. */
  readonly silent?: true | 'A' | 'AAAA';
  /** Milliseconds before the answer is sent. */
  readonly delayMs?: number;
}

const codes = { NXDOMAIN: 3, SERVFAIL: 2, REFUSED: 5 } as const;
const types = { A: 1, AAAA: 28 } as const;

/** A DNS server (RFC 1035) on loopback over UDP. A name that is not in `names` does not exist. */
export class DnsServer {
  readonly names = new Map<string, DnsAnswer>();
  /** Answers every question so, whatever `names` holds; undefined: as usual. */
  outage: DnsAnswer | undefined;
  /** Milliseconds by which every answer is late. */
  delayMs = 0;
  /** Questions so far, by name. */
  readonly questions = new Map<string, number>();
  readonly #socket = createSocket('udp4');
  readonly #delayed = new Set<NodeJS.Timeout>();

  static async start(owner: Owner): Promise<DnsServer> {
    const server = new DnsServer();
    server.#socket.on('message', (question, sender) => server.#take(question, sender));
    server.#socket.bind(0, '127.0.0.1');
    await once(server.#socket, 'listening');
    owner.teardown(() => {
      for (const timer of server.#delayed) clearTimeout(timer);
      server.#socket.close();
    });
    return server;
  }

  /** `IP:PORT`, as Sluice takes it. */
  get address(): string {
    return `127.0.0.1:${(this.#socket.address() as AddressInfo).port}`;
  }

  /** Number of questions for a name so far; those for A and AAAA count apart. */
  asked(name: string): number {
    return this.questions.get(name) ?? 0;
  }

  #take(question: Buffer, { port, address }: RemoteInfo): void {
    const { name, end } = readName(question);
    const type = question.readUInt16BE(end) === types.A ? 'A' : 'AAAA';
    this.questions.set(name, this.asked(name) + 1);
    const answer = this.outage ?? this.names.get(name) ?? { failure: 'NXDOMAIN' };
    if (answer.silent === true || answer.silent === type) return;
    const send = () => this.#socket.send(responseTo(question.subarray(0, end + 4), type, answer), port, address);
    const delayMs = answer.delayMs ?? this.delayMs;
    if (delayMs === 0) {
      send();
      return;
    }
    const timer = setTimeout(() => {
      this.#delayed.delete(timer);
      send();
    }, delayMs);
    this.#delayed.add(timer);
  }
}

/** Reads the name of the question, which follows the header of 12 octets. */
function readName(message: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at] as number; length > 0; length = message[at] as number) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}

function responseTo(question: Buffer, type: 'A' | 'AAAA', { addresses = [], ttlSeconds = 60, failure }: DnsAnswer): Buffer {
  const wanted = failure === undefined ? addresses.filter((address) => isIPv6(address) === (type === 'AAAA')) : [];
  const header = Buffer.from(question.subarray(0, 12));
  // A response, recursion desired and available.
  header.writeUInt16BE(0x8180 | (failure === undefined ? 0 : codes[failure]), 2);
  header.writeUInt16BE(wanted.length, 6);
  header.writeUInt32BE(0, 8);
  const records = wanted.map((address) => {
    const octets = type === 'A' ? Buffer.from(address.split('.').map(Number)) : v6Octets(address);
    const record = Buffer.alloc(12);
    // The name is that of the question (RFC 1035 section 4.1.4).
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(types[type], 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(ttlSeconds, 6);
    record.writeUInt16BE(octets.length, 10);
    return Buffer.concat([record, octets]);
  });
  return Buffer.concat([header, question.subarray(12), ...records]);
}

function v6Octets(address: string): Buffer {
  const [before = '', after] = address.split('::');
  const left = before.split(':').filter(Boolean);
  const right = (after ?? '').split(':').filter(Boolean);
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return Buffer.from(groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]));
}
