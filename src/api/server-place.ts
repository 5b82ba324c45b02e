import type { ServerAnswer } from './answers.ts';

/** Where a server is, for people: its address, or the process that it is a part of. */
export function placeOf({ address, elsewhere }: Pick<ServerAnswer, 'address' | 'elsewhere'>): string {
  return address ?? (elsewhere ? 'in another balancer' : 'in the balancer');
}
