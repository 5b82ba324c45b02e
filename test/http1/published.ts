/** The field that every request needs. */
export const h = 'Host: a.example\r\n';

/**
 * The result for a message: the code of the fault in its head; or the messages read, each as its start line and its body, with `…` where it
 * breaks off. One more word may follow: `closes` (octets after it are not read), `upgrade`, `beyond` (octets that belong to no request), or
 * the code of the next fault.
 */
export type Fate = string | readonly string[];

/**
 * One message of llhttp's own tests (https://github.com/nodejs/llhttp, folder test, release 9.4.2), in our words and reduced to its point:
 * the result of llhttp in the strict mode that Node uses, the result of Sluice, and the reason if the two differ. `waits`: not complete;
 * `by release`: releases of llhttp differ.
 */
export type Published = readonly [
  about: string,
  text: string,
  llhttp: 'takes' | 'refuses' | 'waits' | 'by release',
  sluice: Fate,
  why?: string,
];

/** Reasons for which Sluice decides otherwise. */
export const why = {
  host: 'RFC 9112 section 3.2: a server answers 400 to HTTP/1.1 without Host; in Node the server around llhttp does so',
  asterisk: 'RFC 9112 section 3.2.4: asterisk-form is for OPTIONS only; M-SEARCH belongs to SSDP, which is not HTTP over TCP',
  method: 'RFC 9110 section 16.1: methods are an open set, and a gateway cannot know which of them a resource supports',
  connect: 'RFC 9110 section 9.3.6: Sluice opens no tunnels to destinations that clients name, and answers 501 at once',
  otherProtocol: 'RFC 9112 section 2.3: the protocol name in a message is HTTP',
  noVersion: 'RFC 9112 section 2.3: every message has a version; in HTTP/0.9 it had none',
  version09: 'RFC 9112 section 2.3: HTTP/0.9 had no status line, so no status line can have that version',
  fragment: 'RFC 9112 section 3.2: no form of a target has a fragment, and servers disagree on where the path before it ends',
  userInformation: 'RFC 9110 section 4.2.4: user information in a target from an untrusted source is an error',
  afterClose: 'RFC 9112 section 9.6: octets after the last message of a connection are not processed; that message itself is valid',
  upgradeWithBody: 'RFC 9110 section 7.8: a server may ignore Upgrade, and Sluice does so if there is a body: the request stays HTTP/1.1',
  coding:
    'RFC 9112 section 6.1: 501 for a transfer coding that is not understood; it could not be forwarded, since codings end at each hop',
  responseCoding:
    'RFC 9112 section 6.3: if read until close, the content would still be in a coding of this hop, which Sluice cannot decode',
  optionalSpace: 'RFC 9110 section 5.5: tabs around a value are not part of it; llhttp accepts them since 9.4',
  bareCr: 'RFC 9112 section 2.2: a bare CR makes a message invalid; llhttp refuses it here since 9.4',
  emptyLine: 'RFC 9112 section 2.2: empty lines are skipped before a request line only; before a status line they belong to no response',
} as const;
