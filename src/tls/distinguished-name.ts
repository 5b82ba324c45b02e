import type { X509Certificate } from 'node:crypto';
import { type DerValue, derItems, readDer, readDerText, readObjectIdentifier } from './der-reader.ts';

const commonName = '2.5.4.3';

/** A distinguished name of X.509. */
export interface DistinguishedName {
  /** The same text for all spellings of a name that RFC 5280 section 7.1 takes as equal: types of text, case and spaces do not count. */
  readonly compared: string;
  /** The common name, for people; without one, the first attribute. */
  readonly shown: string;
}

/** Reads a name. Throws a `RangeError` if it is damaged. */
export function readName(value: Pick<DerValue, 'content'>): DistinguishedName {
  const relative = [...derItems(value)].map((set) =>
    [...derItems(set)].map((attribute) => {
      const [type, text] = [...derItems(attribute)];
      if (type === undefined || text === undefined) throw new RangeError('an attribute of a name is incomplete');
      return { type: readObjectIdentifier(type), text: readDerText(text) };
    }),
  );
  const all = relative.flat();
  const plain = (text: string) => text.trim().replace(/\s+/g, ' ').toLowerCase();
  return {
    compared: JSON.stringify(relative.map((set) => set.map(({ type, text }) => `${type}=${plain(text)}`).sort())),
    shown: (all.find(({ type }) => type === commonName) ?? all[0])?.text ?? '',
  };
}

/** Reads the subject of a certificate (RFC 5280 section 4.1). */
export function subjectOf({ raw }: X509Certificate): DistinguishedName {
  const [signed] = derItems(readDer(raw));
  const parts = [...derItems(signed as DerValue)];
  // The version is left out of version 1. Then follow serial number, algorithm, issuer, validity, subject.
  const subject = parts[parts[0]?.tag === 0xa0 ? 5 : 4];
  if (subject === undefined) throw new RangeError('a certificate has no subject');
  return readName(subject);
}
