import { fieldIds } from '../http1/message/field-ids.ts';
import type { ResponseHead } from '../http1/message/response-head.ts';

/**
 * Name of the response field by which gateway servers tell balancers where requests like this one should go, because they count for one limit: the part
 * of the request that they have in common, and the id of the server, as in `header:authorization gateway-3`. Balancers do not pass it on.
 */
export const homeField = 'Sluice-Home';

/** Longest value that is read. */
const mostCharacters = 300;

/** Reads the home from a response of a gateway server; undefined: it does not matter where such requests go. */
export function readHome({ fields }: ResponseHead): string | undefined {
  const line = fields.indexOf(fieldIds['sluice-home']);
  if (line < 0) return undefined;
  const value = fields.value(line);
  return value.length <= mostCharacters ? value : undefined;
}
