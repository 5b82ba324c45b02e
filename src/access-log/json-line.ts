import { utcTime } from '../model/utc-time.ts';
import type { ExchangeRecord, LineMaker, LineOptions } from './contract.ts';
import { escapedText, jsonEscape, shown } from './escaped-text.ts';

/** Microseconds beyond whole milliseconds, as they follow these. */
const fractions = Array.from({ length: 1000 }, (_, micros) => `.${String(micros).padStart(3, '0')}`);

/**
 * Makes lines that are JSON objects, by concatenation: `JSON.stringify` would take twice as long. `time` is the end of the exchange (UTC,
 * RFC 3339); `durationMs` has a resolution of one microsecond. What most lines have in common with the line before is not made again.
 */
export function jsonLines({ clock, worker }: LineOptions): LineMaker {
  const time = utcTime(clock);
  const origin = `${worker === undefined ? '' : `"worker":${worker},`}"log":"access","id":"`;
  let written = '';
  let beginning = '';
  const request = new RequestText();
  const server = new ServerText();
  return (record) => {
    const { target, referer, userAgent, clientCertificate, consumer, status, octets } = record;
    const now = time();
    if (now !== written) {
      written = now;
      beginning = joined(`{"time":"${now}",${origin}`);
    }
    const micros = Math.max(0, Math.round(record.durationMs * 1000));
    return (
      `${beginning}${record.id}","client":"${text(record.client, shown.client)}${request.of(record)}${text(target, shown.target)}` +
      `","status":${status},"octets":${octets},"durationMs":${Math.floor(micros / 1000)}${fractions[micros % 1000]}${server.of(record)}` +
      (referer === undefined ? '' : `,"referer":"${text(referer, shown.referer)}"`) +
      (userAgent === undefined ? '' : `,"userAgent":"${text(userAgent, shown.userAgent)}"`) +
      (clientCertificate === undefined ? '' : `,"clientCertificate":"${text(clientCertificate, shown.clientCertificate)}"`) +
      (consumer === undefined ? '' : `,"consumer":"${text(consumer, shown.consumer)}"`) +
      (record.aborted ? ',"aborted":true}\n' : ',"aborted":false}\n')
    );
  };
}

/** The text from the client to the target. */
class RequestText {
  #method = '';
  #authority = '';
  #scheme: ExchangeRecord['scheme'] | undefined;
  #text = '';

  of({ method, authority, scheme }: ExchangeRecord): string {
    if (method === this.#method && authority === this.#authority && scheme === this.#scheme) return this.#text;
    this.#method = method;
    this.#authority = authority;
    this.#scheme = scheme;
    this.#text = joined(
      `","method":"${text(method, shown.method)}","scheme":"${scheme}","authority":"${text(authority, shown.authority)}","target":"`,
    );
    return this.#text;
  }
}

/** The text about the server. */
class ServerText {
  #server: string | undefined;
  #text = '';

  of({ server }: ExchangeRecord): string {
    if (server === this.#server) return this.#text;
    this.#server = server;
    this.#text = server === undefined ? '' : joined(`,"server":"${text(server, shown.authority)}"`);
    return this.#text;
  }
}

/** `text` as one piece: the engine keeps texts in the pieces that they were made of until a character is read, and joining those of a line takes half of its time. */
function joined(text: string): string {
  return text.charCodeAt(0) > 0 ? text : '';
}

function text(given: string, longest: number): string {
  return escapedText(given, jsonEscape, longest);
}
