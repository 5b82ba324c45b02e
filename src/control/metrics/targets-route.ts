import * as z from 'zod';
import type { ControlApp, ControlContext } from '../app.ts';
import { refusals } from '../routes/openapi.ts';

const targets = z.array(
  z.object({
    targets: z.array(z.string()).describe('addresses to scrape'),
    labels: z.record(z.string(), z.string()).describe('put on every series of these'),
  }),
);

/**
 * The gateway servers as Prometheus' HTTP service discovery reads them (`http_sd_configs`): one that joins is scraped from then on
 * without a change in Prometheus. A server that is registered by plain HTTP or static is not listed: only Sluice's own gateways have
 * `/.sluice/metrics`.
 */
export function targetsRoute(app: ControlApp, { registry }: ControlContext): void {
  app.get(
    '/v1/prometheus/targets',
    {
      config: { access: 'monitor' },
      schema: { summary: "Gateway servers, for Prometheus' HTTP service discovery", response: { 200: targets, ...refusals } },
    },
    async () => {
      const gateways = (await registry.servers()).filter(({ source }) => source === 'join');
      return gateways.map(({ id, address, environment }) => ({
        targets: [address],
        labels: { __metrics_path__: '/.sluice/metrics', ...(environment !== undefined && { environment }), server: id },
      }));
    },
  );
}
