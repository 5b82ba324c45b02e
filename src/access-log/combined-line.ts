import type { LineMaker, LineOptions } from './contract.ts';
import { apacheEscape, escapedText, shown } from './escaped-text.ts';

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** Status that nginx logs for a client that left before it was answered: programs that read this format expect three digits. */
const clientLeft = 499;

/**
 * Makes lines in the combined log format of NCSA, Apache and nginx: client, a dash, consumer or dash, time (of the end of the exchange, UTC),
 * request line, status, octets of the body, Referer, User-Agent.
 */
export function combinedLines({ clock }: LineOptions): LineMaker {
  let second = -1;
  let time = '';
  return (record) => {
    const now = Math.floor(clock.date() / 1000);
    if (now !== second) {
      second = now;
      time = timeOf(new Date(now * 1000));
    }
    const request = `${text(record.method, shown.method)} ${text(record.target, shown.target)} HTTP/1.${record.minor}`;
    return (
      `${text(record.client, shown.client)} - ${text(record.consumer ?? '-', shown.consumer)} [${time}] "${request}" ${record.status || clientLeft} ${record.octets} ` +
      `"${text(record.referer ?? '-', shown.referer)}" "${text(record.userAgent ?? '-', shown.userAgent)}"\n`
    );
  };
}

function timeOf(date: Date): string {
  const [day, , year, clock] = date.toUTCString().slice('Mon, '.length).split(' ');
  return `${day}/${months[date.getUTCMonth()]}/${year}:${clock} +0000`;
}

function text(given: string, longest: number): string {
  return escapedText(given, apacheEscape, longest);
}
