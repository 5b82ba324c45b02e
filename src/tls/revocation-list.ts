import { constants, createHash, verify, type X509Certificate } from 'node:crypto';
import { demand, faultIn, type NamedText, readText } from './certificate-fault.ts';
import { type DerValue, derEnd, derItems, derStart, derTags, readDer, readHex, readObjectIdentifier, readTime } from './der-reader.ts';
import { readName, subjectOf } from './distinguished-name.ts';

/** A checked revocation list (CRL, RFC 5280 section 5) as plain data, so that it can be sent to a worker process. */
export interface RevocationList {
  /** Its file, as configured. */
  readonly file: string;
  /** The authority that issued it, as {@link issuerKey} names it. */
  readonly issuer: string;
  /** Serial numbers of revoked certificates, in hexadecimal, with spaces between. */
  readonly serials: string;
  readonly revoked: number;
  /** The date at which a newer list is due, in milliseconds since 1970; absent: the list tells none. */
  readonly nextUpdate?: number;
  /** SHA-256 of the list, in hexadecimal. */
  readonly digest: string;
}

const block = /-----BEGIN X509 CRL-----([^-]+)-----END X509 CRL-----/g;

/** Digests of algorithms of signatures, by object identifier; null: the algorithm has no separate one. SHA-1 is left out: it is broken. */
const digests: ReadonlyMap<string, string | null> = new Map([
  ['1.2.840.113549.1.1.11', 'sha256'],
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
  ['1.2.840.10045.4.3.2', 'sha256'],
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
  ['1.3.101.112', null],
  ['1.3.101.113', null],
]);
const rsaPss = '1.2.840.113549.1.1.10';
const pssDigests: ReadonlyMap<string, string> = new Map([
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);

const deltaIndicator = '2.5.29.27';
const distributionPoint = '2.5.29.28';
const certificateIssuer = '2.5.29.29';

/**
 * Reads the revocation lists in a file, and checks that each of them was issued by one of `authorities`. Throws a `CertificateFault` if not.
 * @param about the file with the authorities
 */
export function readRevocationLists(file: string, folder: string, authorities: readonly X509Certificate[], about: NamedText): Dated[] {
  const text = readText(folder, { crl: file }, 'crl');
  const blocks = [...text.content.matchAll(block)].map(([, encoded = '']) => Buffer.from(encoded, 'base64'));
  if (blocks.length === 0)
    throw faultIn(
      text,
      'holds no revocation list in PEM form, which starts with the line -----BEGIN X509 CRL-----: convert the file, for example with "openssl crl -inform der -in FILE -out FILE.pem"',
    );
  return blocks.map((octets) => {
    const parts = demand(text, partsOf(octets));
    const unusable = faultOf(parts);
    if (unusable !== undefined) throw faultIn(text, unusable);
    const { issuer, revoked, thisUpdate, nextUpdate } = parts;
    const named = authorities.filter((authority) => subjectOf(authority).compared === issuer.compared);
    if (named.length === 0)
      throw faultIn(
        text,
        `holds the revocation list of ${issuer.shown}, which is none of the authorities in ${about.file}: add the certificate of that authority there, or give the lists of those authorities`,
      );
    const signer = named.find((authority) => hasSigned(authority, parts));
    if (signer === undefined)
      throw faultIn(
        text,
        `holds a revocation list of ${issuer.shown} whose signature is not valid for the certificate of that authority in ${about.file}: get the list again, signed with SHA-256 or better`,
      );
    const list = {
      file,
      issuer: issuerKey(signer),
      serials: revoked.join(' '),
      revoked: revoked.length,
      ...(nextUpdate !== undefined && { nextUpdate }),
      digest: createHash('sha256').update(octets).digest('hex'),
    };
    return { list, text, name: issuer.shown, thisUpdate };
  });
}

/** A list, and what its dates are judged by. */
export interface Dated {
  readonly list: RevocationList;
  readonly text: NamedText;
  /** Name of its authority. */
  readonly name: string;
  readonly thisUpdate: number;
}

/** Why a list is out of date; undefined: it is not. */
export function listDateFault(
  { list: { nextUpdate = Number.POSITIVE_INFINITY }, name, thisUpdate }: Dated,
  now: number,
): string | undefined {
  if (nextUpdate <= now)
    return `is out of date: the next revocation list of ${name} was due on ${day(nextUpdate)}. Get it from that authority`;
  if (thisUpdate > now) return `is not valid yet, only from ${day(thisUpdate)}: check the clock of this machine, or get the list again`;
  return undefined;
}

/** Names an authority by its key and its name, which several certificates may share. */
export function issuerKey(authority: X509Certificate): string {
  const known = issuerKeys.get(authority);
  if (known !== undefined) return known;
  const key = authority.publicKey.export({ type: 'spki', format: 'der' });
  const made = createHash('sha256').update(key).update(subjectOf(authority).compared).digest('hex');
  issuerKeys.set(authority, made);
  return made;
}

const issuerKeys = new WeakMap<X509Certificate, string>();

const serialsIn = new WeakMap<RevocationList, ReadonlySet<string>>();

/** True if one of `lists`, of the authority `issuer`, names the certificate. */
export function isRevoked({ serialNumber }: X509Certificate, issuer: X509Certificate, lists: readonly RevocationList[]): boolean {
  if (lists.length === 0) return false;
  const key = issuerKey(issuer);
  const serial = serialNumber.toLowerCase().replace(/^(-?)0+(?=.)/, '$1');
  return lists.some((list) => list.issuer === key && serialsOf(list).has(serial));
}

function serialsOf(list: RevocationList): ReadonlySet<string> {
  const known = serialsIn.get(list);
  if (known !== undefined) return known;
  const serials = new Set(list.serials.split(' '));
  serialsIn.set(list, serials);
  return serials;
}

interface Parts {
  /** The octets that are signed. */
  readonly signed: Buffer;
  readonly algorithm: DerValue;
  readonly signature: Buffer;
  readonly issuer: ReturnType<typeof readName>;
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
  readonly revoked: readonly string[];
  readonly extensions: readonly Extension[];
  /** Extensions of single entries that must be understood, by object identifier. */
  readonly critical: ReadonlySet<string>;
}

interface Extension {
  readonly id: string;
  readonly critical: boolean;
  readonly value: Buffer;
}

/** The parts of a list, or the fault of one that is damaged. */
function partsOf(octets: Buffer): Parts | string {
  try {
    const [body, algorithm, bits] = [...derItems(readDer(octets))] as [DerValue, DerValue, DerValue];
    const items = [...derItems(body)];
    if (items[0]?.tag === derTags.integer) items.shift();
    const [inner, issuer, thisUpdate, ...rest] = items as [DerValue, DerValue, DerValue, ...DerValue[]];
    if (!inner.whole.equals(algorithm.whole)) throw new RangeError('it names two algorithms');
    const isDate = rest[0] !== undefined && rest[0].tag !== derTags.sequence && rest[0].tag !== 0xa0;
    const nextUpdate = isDate ? readTime(rest.shift() as DerValue) : undefined;
    const entries = rest[0]?.tag === derTags.sequence ? rest.shift() : undefined;
    const { revoked, critical } = entriesIn(entries?.content ?? Buffer.alloc(0));
    const extensions = rest[0]?.tag === 0xa0 ? [...extensionsIn(readDer(rest[0].content))] : [];
    const dates = { thisUpdate: readTime(thisUpdate), nextUpdate };
    const signature = bits.content.subarray(1);
    return { signed: body.whole, algorithm, signature, issuer: readName(issuer), ...dates, revoked, extensions, critical };
  } catch {
    return 'holds a damaged revocation list: copy the file again, or get it again from the authority';
  }
}

/** The serial numbers of a list, and the critical extensions of its entries. Makes no values of them: a list may have a hundred thousand. */
function entriesIn(octets: Buffer): Pick<Parts, 'revoked' | 'critical'> {
  const revoked: string[] = [];
  const critical = new Set<string>();
  for (let at = 0; at < octets.length; ) {
    const end = derEnd(octets, at);
    const serial = derStart(octets, at);
    const date = derEnd(octets, serial);
    revoked.push(readHex(octets, derStart(octets, serial), date));
    const extensions = derEnd(octets, date);
    if (extensions < end) for (const one of extensionsIn(readDer(octets.subarray(extensions, end)))) if (one.critical) critical.add(one.id);
    at = end;
  }
  return { revoked, critical };
}

function* extensionsIn(sequence: DerValue): Generator<Extension> {
  for (const extension of derItems(sequence)) {
    const [id, ...rest] = [...derItems(extension)] as [DerValue, ...DerValue[]];
    const critical = rest[0]?.tag === derTags.boolean && rest[0].content[0] !== 0;
    yield { id: readObjectIdentifier(id), critical, value: rest.at(-1)?.content ?? Buffer.alloc(0) };
  }
}

/** Why a list says something else than which certificates of its authority are revoked; undefined: it does not. */
function faultOf({ extensions, critical }: Parts): string | undefined {
  if (extensions.some(({ id }) => id === deltaIndicator))
    return 'holds a delta list, which tells only what has changed: give the complete revocation list';
  const point = extensions.find(({ id }) => id === distributionPoint);
  if (critical.has(certificateIssuer) || (point !== undefined && isIndirect(point.value)))
    return 'holds an indirect revocation list, of certificates of other authorities: give the lists that those authorities issue themselves';
  const strange = [...extensions.filter((one) => one.critical && one.id !== distributionPoint).map(({ id }) => id), ...critical][0];
  return strange && `holds a revocation list with the critical extension ${strange}, which Sluice does not know: have it issued without`;
}

/** True for an issuing distribution point of certificates of several authorities (RFC 5280 section 5.2.5). */
function isIndirect(value: Buffer): boolean {
  const indirect = 0x84;
  return [...derItems(readDer(value))].some(({ tag, content }) => tag === indirect && content[0] !== 0);
}

function hasSigned(authority: X509Certificate, { signed, algorithm, signature }: Parts): boolean {
  try {
    const [id, parameters] = [...derItems(algorithm)] as [DerValue, DerValue?];
    const name = readObjectIdentifier(id);
    if (name !== rsaPss) {
      const digest = digests.get(name);
      return digest !== undefined && verify(digest, signed, authority.publicKey, signature);
    }
    // Without the first parameter, the digest would be SHA-1.
    const [digest] = parameters === undefined ? [] : [...derItems(parameters)].filter(({ tag }) => tag === 0xa0);
    const [of] = digest === undefined ? [] : [...derItems(readDer(digest.content))];
    const known = of && pssDigests.get(readObjectIdentifier(of));
    const key = { key: authority.publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO };
    return known !== undefined && verify(known, signed, key, signature);
  } catch {
    return false;
  }
}

function day(date: number): string {
  return new Date(date).toISOString().slice(0, 10);
}
