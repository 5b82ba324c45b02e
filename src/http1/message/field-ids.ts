import { lowerCase } from './octets.ts';

/**
 * Ids of the field names that Sluice knows. Below 0: hop-by-hop, never forwarded. Above 0: end-to-end.
 * Any other name has the id 0 and is forwarded.
 */
export const fieldIds = {
  /** Not a name: the id of a struck line, for example one that the Connection field nominated. */
  struck: -1,
  connection: -2,
  'keep-alive': -3,
  'proxy-connection': -4,
  te: -5,
  'transfer-encoding': -6,
  upgrade: -7,
  /** Reserved as a field name, because it is a connection option (RFC 9110 section 7.6.1). */
  close: -8,
  'http2-settings': -9,
  /** No field of HTTP. CGI makes HTTP_PROXY of it, which programs take for their own proxy setting ("httpoxy"). */
  proxy: -10,

  host: 1,
  'content-length': 2,
  expect: 3,
  'x-forwarded-for': 4,
  'x-forwarded-proto': 5,
  'x-forwarded-host': 6,
  forwarded: 7,
  via: 8,
  'x-request-id': 9,
  cookie: 10,
  'set-cookie': 11,
  authorization: 12,
  'content-type': 13,
  /** RFC 9440: the certificate that the client has shown to a proxy, and its chain. */
  'client-cert': 14,
  'client-cert-chain': 15,

  date: 20,
  server: 21,
  trailer: 22,
  'max-forwards': 23,
  'proxy-authenticate': 24,
  'proxy-authorization': 25,
  'www-authenticate': 26,
  'content-encoding': 27,
  'content-range': 28,
  'cache-control': 29,
  range: 30,
  'if-match': 31,
  'if-none-match': 32,
  'if-modified-since': 33,
  'if-unmodified-since': 34,
  'if-range': 35,
  age: 36,
  expires: 37,
  location: 38,
  'retry-after': 39,
  vary: 40,
  pragma: 41,
  'sluice-fault': 42,
  'sluice-consumer': 43,
  'sluice-home': 44,
} as const;

/**
 * The highest id that Connection must not nominate; the protected ids are 1 up to this one. Dropping one of these fields would change who
 * the request is for, who sent it, or where it ends. They are "intended for all recipients", so nominating them is an error of the sender
 * (RFC 9110 section 7.6.1).
 */
export const lastProtectedId = fieldIds['client-cert-chain'];

/** Number of slots of the table of names. */
export const nameSlots = 256;
const slots = nameSlots;
const longestName = 20;
const idAtSlot = new Int8Array(slots);
const lengthAtSlot = new Uint8Array(slots);
const nameAtSlot = new Uint8Array(slots * longestName);

/** The first slot to look in for a name. A name whose slot is taken is in the next free one (linear probing). */
function slotOf(bytes: Uint8Array, start: number, end: number): number {
  const first = lowerCase[bytes[start] as number] as number;
  const middle = lowerCase[bytes[(start + end) >> 1] as number] as number;
  return (first * 37 + middle * 11 + (end - start) * 131) & (slots - 1);
}

for (const [name, id] of Object.entries(fieldIds)) {
  if (id === fieldIds.struck) continue;
  const bytes = Buffer.from(name, 'latin1');
  let slot = slotOf(bytes, 0, bytes.length);
  while (lengthAtSlot[slot] !== 0) slot = (slot + 1) & (slots - 1);
  idAtSlot[slot] = id;
  lengthAtSlot[slot] = bytes.length;
  nameAtSlot.set(bytes, slot * longestName);
}

/** Looks up the id of the field name in [start, end), ignoring case; 0 if the name is not in {@link fieldIds}. */
export function fieldIdOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  for (let slot = slotOf(bytes, start, end); lengthAtSlot[slot] !== 0; slot = (slot + 1) & (slots - 1)) {
    if (lengthAtSlot[slot] !== length) continue;
    const name = slot * longestName;
    let index = 0;
    while (index < length && lowerCase[bytes[start + index] as number] === nameAtSlot[name + index]) index++;
    if (index === length) return idAtSlot[slot] as number;
  }
  return 0;
}

/** The name in a slot of the table, and its id; without octets: the slot is free. */
export function nameInSlot(slot: number): { readonly id: number; readonly text: Uint8Array } {
  const text = nameAtSlot.subarray(slot * longestName, slot * longestName + (lengthAtSlot[slot] as number));
  return { id: idAtSlot[slot] as number, text };
}
