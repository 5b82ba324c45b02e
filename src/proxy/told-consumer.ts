import { fieldIds } from '../http1/message/field-ids.ts';
import type { ResponseHead } from '../http1/message/response-head.ts';

/** Name of the response field by which gateway servers tell balancers the consumer of a request, for logs and traces. Balancers do not pass it on. */
export const consumerField = 'Sluice-Consumer';

/** Characters of a consumer's name that are told. Names of consumers of the registry are shorter; a claim of a token may be longer. */
const mostCharacters = 100;

const plain = /^[\w.-]{1,100}$/;

/** A consumer's name as the field carries it: visible ASCII, other characters %-encoded in UTF-8. */
export function consumerText(name: string): string {
  return plain.test(name) ? name : encodeURIComponent(name.slice(0, mostCharacters).replace(/\p{Surrogate}/gu, '\ufffd'));
}

/** Reads the consumer from a response of a gateway server; undefined: it has none. */
export function readConsumer({ fields }: ResponseHead): string | undefined {
  const line = fields.indexOf(fieldIds['sluice-consumer']);
  return line < 0 ? undefined : fields.value(line).slice(0, 3 * mostCharacters);
}
