import { fieldIds } from '../http1/message/field-ids.ts';
import type { ResponseHead } from '../http1/message/response-head.ts';

/**
 * The culprit of a 5xx answer of a gateway server, other than the server: a target; the project, one of whose policies answered;
 * or a `shortage` of descriptors, ports or memory, which kept the server from carrying out the request at all.
 */
export type Blame = 'target' | 'project' | 'shortage';

/** Name of the response field that carries it, from gateway servers to balancers only. */
export const blameField = 'Sluice-Fault';

/** Reads who is to blame from a response. A value of a later version counts as `target`: the server says that it is not to blame. */
export function readBlame({ fields }: ResponseHead): Blame | undefined {
  const line = fields.indexOf(fieldIds['sluice-fault']);
  if (line < 0) return undefined;
  const value = fields.value(line);
  return value === 'project' || value === 'shortage' ? value : 'target';
}
