import type { Contender } from '../contender.ts';
import { answers } from '../nginx-upstreams.ts';
import { sluiceVersion, startBalancer, startGateway } from './sluice.ts';

/** Sluice's balancer with a gateway behind it, both on the contender's processor. The cost is the sum of both. */
export const sluiceBoth: Contender = {
  name: 'sluice-both',
  logs: true,
  secures: false,
  available: () => sluiceVersion(),
  async start(place) {
    const balancer = await startBalancer({ ...place, upstreams: [] });
    const gateway = await startGateway(balancer, place);
    await gateway.process.until(() => answers(balancer.port));
    const stop = async () => {
      await gateway.process.stop();
      await balancer.process.stop();
    };
    return { port: balancer.port, processes: [balancer.process, gateway.process], stop };
  },
};
