import * as z from 'zod';
import { mapInTurns } from '../../model/pieces.ts';
import { metricsPath } from '../../model/reserved-path.ts';
import type { ControlApp, ControlContext } from './control-app.ts';
import { refusals } from './openapi.ts';

const targets = z.array(
  z.object({
    targets: z.array(z.string()).describe('addresses to scrape'),
    labels: z.record(z.string(), z.string()).describe('labels for every series scraped from these addresses'),
  }),
);

/**
 * Lists the gateway servers for Prometheus' HTTP service discovery (`http_sd_configs`), so that Prometheus scrapes a new server without
 * being reconfigured. Servers registered by plain HTTP and static servers are left out, since only Sluice's own gateways have
 * `/.sluice/metrics`, and so is a balancer's own process, which has no address as a server.
 */
export function targetsRoute(app: ControlApp, { registry }: ControlContext): void {
  app.get(
    '/v1/prometheus/targets',
    {
      config: { access: 'monitor' },
      schema: { summary: "Gateway servers in the format of Prometheus' HTTP service discovery", response: { 200: targets, ...refusals } },
    },
    async () => {
      const gateways = (await registry.servers()).filter(({ source, embedded }) => source === 'join' && embedded === undefined);
      return mapInTurns(gateways, ({ id, address, environment, ownCertificate }) => ({
        targets: [address],
        labels: {
          // With its own certificate, a server answers other machines by https; without one, its own machine by http.
          ...(ownCertificate !== undefined && { __scheme__: 'https' }),
          __metrics_path__: metricsPath,
          ...(environment !== undefined && { environment }),
          server: id,
        },
      }));
    },
  );
}
