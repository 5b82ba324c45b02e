import { tlsRecord } from './secured-connection.ts';

/** Most octets that are held for a ClientHello; a longer one goes to OpenSSL unread. Those of today's clients have less than 2,000. */
const mostOctets = 16 * 1024;
/** Most records that it may come in. */
const mostRecords = 8;

const handshakeType = { clientHello: 1 } as const;
const extension = { serverName: 0, protocols: 16, keyShare: 51 } as const;
/** X25519, P-256 and P-384, which the server takes (RFC 8446 section 4.2.7). */
const takenGroups: ReadonlySet<number> = new Set([29, 23, 24]);

/** The part of a first message that matters here. */
export interface ClientHello {
  /** Name in server_name (RFC 6066 section 3); undefined: the client named none, or the octets are no ClientHello. */
  readonly serverName: string | undefined;
  /** The only protocol that the client speaks (RFC 7301); undefined: it named none, or several. */
  readonly protocol: string | undefined;
  /** False: the client has sent only keys that the server does not take, which asks for another ClientHello then (RFC 8446 section 4.1.4). */
  readonly sharesKey: boolean;
}

const nameless: ClientHello = { serverName: undefined, protocol: undefined, sharesKey: true };

/**
 * Reads a ClientHello (RFC 8446 section 4.1.2) from the first octets of a connection, without a look at what is not needed here: OpenSSL
 * reads the same octets afterwards, and refuses what is malformed.
 */
export function readClientHello(octets: Buffer): ClientHello | 'incomplete' {
  const pieces: Buffer[] = [];
  let gathered = 0;
  for (let at = 0; ; ) {
    if (at >= mostOctets || pieces.length >= mostRecords) return nameless;
    if (at < octets.length && octets[at] !== tlsRecord) return nameless;
    if (at + 5 > octets.length) return 'incomplete';
    const end = at + 5 + octets.readUInt16BE(at + 3);
    const piece = octets.subarray(at + 5, end);
    pieces.push(piece);
    gathered += piece.length;
    const message = pieces.length === 1 ? piece : Buffer.concat(pieces, gathered);
    if (message.length > 0 && message[0] !== handshakeType.clientHello) return nameless;
    if (message.length >= 4) {
      const length = message.readUIntBE(1, 3);
      if (length > mostOctets) return nameless;
      if (message.length >= 4 + length) return read(message.subarray(4, 4 + length));
    }
    if (end > octets.length) return 'incomplete';
    at = end;
  }
}

function read(hello: Buffer): ClientHello {
  let serverName: string | undefined;
  let protocol: string | undefined;
  let sharesKey = true;
  try {
    let at = 2 + 32;
    at += 1 + hello.readUInt8(at);
    at += 2 + hello.readUInt16BE(at);
    at += 1 + hello.readUInt8(at);
    at += 2;
    while (at < hello.length) {
      const type = hello.readUInt16BE(at);
      const length = hello.readUInt16BE(at + 2);
      at += 4;
      if (type === extension.serverName) serverName ??= nameIn(hello.subarray(at, at + length));
      else if (type === extension.protocols) protocol ??= onlyProtocolIn(hello.subarray(at, at + length));
      else if (type === extension.keyShare) sharesKey = hasTakenGroup(hello.subarray(at, at + length));
      at += length;
    }
  } catch (error) {
    // A length leads beyond the end.
    if (!(error instanceof RangeError)) throw error;
  }
  return { serverName, protocol, sharesKey };
}

/** The list has one name in practice, of the type host_name. */
function nameIn(list: Buffer): string {
  const length = list.readUInt16BE(3);
  return list.toString('latin1', 5, 5 + length);
}

function hasTakenGroup(shares: Buffer): boolean {
  for (let at = 2; at < shares.length; at += 4 + shares.readUInt16BE(at + 2)) if (takenGroups.has(shares.readUInt16BE(at))) return true;
  return false;
}

function onlyProtocolIn(list: Buffer): string | undefined {
  const length = list.readUInt8(2);
  return list.length === 3 + length ? list.toString('latin1', 3) : undefined;
}
