import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender } from '../contender.ts';
import { answers } from '../nginx-upstreams.ts';
import { freePort, Launched } from '../processes.ts';
import { programVersion } from '../versions.ts';

/** Caddy with least connections, active and passive health checks, X-Forwarded-* (its default) and a request id. GOMAXPROCS is 1. */
export const caddy: Contender = {
  name: 'caddy',
  logs: true,
  secures: false,
  available: () => programVersion('caddy', ['version'], /(\d\S*)/),
  async start({ upstreams, folder, cpu, accessLog }) {
    const port = await freePort();
    const file = join(folder, 'Caddyfile');
    writeFileSync(
      file,
      `{
  admin off
  auto_https off
}
http://127.0.0.1:${port} {
  bind 127.0.0.1
  ${accessLog ? `log {\n    output file ${join(folder, 'access.log')}\n  }` : ''}
  reverse_proxy ${upstreams.map((upstream) => `127.0.0.1:${upstream}`).join(' ')} {
    lb_policy least_conn
    health_uri /
    health_interval 2s
    fail_duration 30s
    max_fails 5
    header_up X-Request-Id {http.request.uuid}
    transport http {
      keepalive_idle_conns_per_host 128
    }
  }
}
`,
    );
    const home = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, GOMAXPROCS: '1' };
    const process = new Launched('caddy', ['run', '--config', file, '--adapter', 'caddyfile'], { folder, cpu, env: home });
    await process.until(() => answers(port));
    return { port, processes: [process], stop: () => process.stop() };
  },
};
