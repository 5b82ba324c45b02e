import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tlsSettings } from '../certificate.ts';
import type { Contender } from '../contender.ts';
import { answers } from '../nginx-upstreams.ts';
import { freePort, Launched } from '../processes.ts';
import { programVersion } from '../versions.ts';

/** HAProxy with the features that Sluice has on: least connections, active and passive health checks, X-Forwarded-For, a request id, timeouts. */
export const haproxy: Contender = {
  name: 'haproxy',
  logs: true,
  secures: true,
  available: () => programVersion('haproxy', ['-v'], /version (\S+)/),
  async start({ upstreams, folder, cpu, accessLog, certificate }) {
    const port = await freePort();
    const file = join(folder, 'haproxy.cfg');
    const servers = upstreams.map((upstream, index) => `  server s${index} 127.0.0.1:${upstream} check inter 2s observe layer7`);
    writeFileSync(
      file,
      `global
  nbthread 1
  maxconn 12000
  no strict-limits
  ssl-default-bind-ciphersuites ${tlsSettings.ciphersuites}
  ssl-default-bind-ciphers ${tlsSettings.ciphers}
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode http
  timeout connect 3s
  timeout client 75s
  timeout server 60s
  option http-keep-alive
  option forwardfor
  ${accessLog ? 'log stdout format raw local0\n  option httplog' : 'no log'}
frontend clients
  bind 127.0.0.1:${port} backlog 4096${certificate === undefined ? '' : ` ssl crt ${certificate.together} curves ${tlsSettings.curves} alpn http/1.1`}
  unique-id-format %{+X}o\\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid
  unique-id-header X-Request-Id
  default_backend servers
backend servers
  balance leastconn
  http-reuse always
  option httpchk GET /
${servers.join('\n')}
`,
    );
    const process = new Launched('haproxy', ['-db', '-f', file], { folder, cpu });
    await process.until(() => answers(port, certificate !== undefined));
    return { port, processes: [process], stop: () => process.stop() };
  },
};
