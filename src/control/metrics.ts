import { Counter, Gauge, Registry as MetricsRegistry } from 'prom-client';
import type { LiveServer } from '../model/live.ts';
import type { ControlApp, ControlContext } from './app.ts';
import { latencyMetric } from './latency-metric.ts';

/** `/metrics` in Prometheus' text format. Everything is read when asked; requests cost nothing for it. */
export function metricsRoute(app: ControlApp, context: ControlContext): void {
  const metrics = describeMetrics(context);
  app.get(
    '/metrics',
    { config: { access: 'monitor' }, schema: { summary: 'Metrics for Prometheus', produces: ['text/plain'] } },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.metrics()),
  );
}

function describeMetrics({ live, registry, version }: ControlContext): MetricsRegistry {
  const metrics = new MetricsRegistry();
  const registers = [metrics];
  const labelNames = ['environment', 'server'];
  const count = (name: string, help: string, read: (server: LiveServer) => number) =>
    new Counter({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const server of live.servers()) this.inc({ environment: server.environment, server: server.id }, read(server));
      },
    });
  const gauge = (name: string, help: string, read: (server: LiveServer) => number) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const server of live.servers()) this.set({ environment: server.environment, server: server.id }, read(server));
      },
    });
  const value = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });

  count('sluice_server_requests_total', 'Exchanges begun.', (server) => server.requests);
  count('sluice_server_failures_total', 'Attempts that ended without a response.', (server) => server.failures);
  new Counter({
    name: 'sluice_server_responses_total',
    help: 'Responses by class of status.',
    labelNames: [...labelNames, 'code'],
    registers,
    collect() {
      this.reset();
      for (const { environment, id, statuses } of live.servers()) {
        for (let digit = 1; digit <= 5; digit++) this.inc({ environment, server: id, code: `${digit}xx` }, statuses[digit] ?? 0);
      }
    },
  });
  metrics.registerMetric(
    latencyMetric('sluice_server_response_head_seconds', 'From sending a request to the head of its response.', () =>
      live.servers().map(({ environment, id, latencies }) => ({ labels: { environment, server: id }, latencies })),
    ),
  );
  gauge('sluice_server_active_requests', 'Exchanges in flight.', (server) => server.active);
  gauge('sluice_server_upgraded_connections', 'Upgraded connections (WebSocket) open.', (server) => server.upgraded);
  gauge('sluice_server_up', 'Whether its health lets it take requests: 1 up, 0 not.', (server) => (server.health === 'up' ? 1 : 0));
  gauge('sluice_server_weight', 'Its share, beside the weights of the others.', (server) => server.weight);
  new Gauge({
    name: 'sluice_environment_snapshot_version',
    help: 'Version that the servers of an environment should run.',
    labelNames: ['environment'],
    registers,
    async collect() {
      this.reset();
      // Without the registry the traffic's figures are worth no less.
      const environments = await registry.environments().catch(() => []);
      for (const { name } of environments) {
        const snapshot = await registry.snapshot(name).catch(() => undefined);
        if (snapshot) this.set({ environment: name }, snapshot.version);
      }
    },
  });
  value('sluice_registry_up', 'Whether the registry answers: 1 or 0.', () => (registry.link.up ? 1 : 0));
  value('sluice_ready', 'Whether this balancer is able to serve: 1 or 0.', () => (live.ready() ? 1 : 0));
  new Gauge({ name: 'sluice_build_info', help: 'The program.', labelNames: ['version'], registers }).set({ version }, 1);

  // By hand, since prom-client's own set starts a 10 ms timer and a garbage-collection observer for good.
  const startedAt = Date.now() / 1000 - process.uptime();
  value('process_resident_memory_bytes', 'Resident memory size in bytes.', () => process.memoryUsage.rss());
  value('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.', () => startedAt);
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Total user and system CPU time spent in seconds.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  return metrics;
}
