import type { Contender } from '../contender.ts';
import { answers } from '../nginx-upstreams.ts';
import { type NodeProgram, nodeAtHand } from '../node-program.ts';
import { sluiceVersion, startBalancer } from './sluice.ts';

/** Sluice's balancer in front of static servers, with all default features on. */
export const sluiceBalancer: Contender = balancerOn(nodeAtHand, 'sluice-balancer');

/** Makes the contender {@link sluiceBalancer} on another Node.js. */
export function balancerOn(node: NodeProgram, name: string): Contender {
  return {
    name,
    logs: true,
    secures: true,
    available: () => sluiceVersion(node),
    async start(place) {
      const { process, port } = await startBalancer({ ...place, node });
      await process.until(() => answers(port, place.certificate !== undefined));
      return { port, processes: [process], stop: () => process.stop() };
    },
  };
}
