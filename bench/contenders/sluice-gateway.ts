import type { Contender } from '../contender.ts';
import { answers } from '../nginx-upstreams.ts';
import { sluiceVersion, startBalancer, startGateway } from './sluice.ts';

/** A Sluice gateway with one project, to which clients connect directly. Its balancer only registers it. A gateway has no access log. */
export const sluiceGateway: Contender = {
  name: 'sluice-gateway',
  logs: false,
  secures: false,
  available: () => sluiceVersion(),
  async start(place) {
    const balancer = await startBalancer({ ...place, upstreams: [], cpu: undefined });
    const gateway = await startGateway(balancer, place);
    await gateway.process.until(() => answers(gateway.port));
    const stop = async () => {
      await gateway.process.stop();
      await balancer.process.stop();
    };
    return { port: gateway.port, processes: [gateway.process], stop };
  },
};
