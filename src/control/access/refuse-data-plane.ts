import { SluiceError } from '../../model/fault.ts';
import { isFromSluice } from '../../proxy/is-local.ts';

/**
 * Throws `forbidden` for a request that a balancer or gateway server forwarded, as its Via says: a project whose target is a control
 * address, by whatever name or address, would show the control address to the project's clients.
 */
export function refuseDataPlane(via: string | undefined): void {
  if (isFromSluice(via))
    throw new SluiceError('forbidden', 'a control address is no target for projects: connect to it directly, or through another proxy');
}
