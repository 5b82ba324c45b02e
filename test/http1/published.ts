/** The field that a request cannot do without. */
export const h = 'Host: a.example\r\n';

/**
 * What becomes of a message: the code of the fault in its head; or what is read, each message as its start and its body, `…` where it
 * breaks off, then perhaps one word more: `closes` (and what follows is not read), `upgrade`, `beyond` (octets that nobody asked for), or
 * the code of the fault that comes next.
 */
export type Fate = string | readonly string[];

/**
 * One message of llhttp's own tests (https://github.com/nodejs/llhttp, folder test, release 9.4.2), put in our words and cut down to its
 * point: what llhttp makes of it as Node runs it, strictly, what Sluice does, and why if the two differ. `waits`: it isn't complete.
 */
export type Published = readonly [
  about: string,
  text: string,
  llhttp: 'takes' | 'refuses' | 'waits' | 'by release',
  sluice: Fate,
  why?: string,
];

/** Why Sluice decides otherwise. */
export const why = {
  host: 'RFC 9112 section 3.2: a server answers 400 to HTTP/1.1 without Host; in Node that is for the server around llhttp to do',
  asterisk: 'RFC 9112 section 3.2.4: asterisk-form is for OPTIONS only; M-SEARCH belongs to SSDP, which is no HTTP over TCP',
  method: 'RFC 9110 section 16.1: methods are an open set, and which of them a resource has is not for a gateway to know',
  connect: 'RFC 9110 section 9.3.6: Sluice makes no tunnels to places that clients name, and says 501 at once',
  otherProtocol: 'RFC 9112 section 2.3: the protocol of a message is HTTP',
  noVersion: 'RFC 9112 section 2.3 has no message without a version; that was HTTP/0.9',
  version09: 'RFC 9112 section 2.3: HTTP/0.9 had no status line, so that nothing can rightly say this',
  fragment: 'RFC 9112 section 3.2: no form of a target has a fragment, and servers differ in where they end the path before it',
  userInformation: 'RFC 9110 section 4.2.4: user information in a target from an untrusted source is an error',
  afterClose: 'RFC 9112 section 9.6: what follows the last message of a connection is not processed; it is no fault of that message',
  upgradeWithBody: 'RFC 9110 section 7.8: a server may ignore Upgrade, and with a body Sluice does: the request stays HTTP/1.1',
  coding:
    'RFC 9112 section 6.1: 501 for a transfer coding that is not understood; it could not be forwarded, since codings end at each hop',
  responseCoding: 'RFC 9112 section 6.3: read until close, the content would still be in a coding of this hop, which Sluice cannot undo',
  optionalSpace: 'RFC 9110 section 5.5: tabs around a value are not part of it; llhttp takes them since 9.4',
  bareCr: 'RFC 9112 section 2.2: a bare CR makes a message invalid; llhttp sees to it in this place since 9.4',
  emptyLine: 'RFC 9112 section 2.2: empty lines are skipped before a request line only; before a status line they belong to no response',
} as const;
