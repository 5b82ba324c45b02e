/** The lower one of a route's limit of bodies, 0: none, and an exchange's, undefined: none. Below 0: there is no limit. */
export function mostOctets(ofRoute: number, ofExchange: number | undefined): number {
  if (ofExchange === undefined) return ofRoute === 0 ? -1 : ofRoute;
  return ofRoute === 0 ? ofExchange : Math.min(ofRoute, ofExchange);
}
