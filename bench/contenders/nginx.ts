import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CertificateFiles, tlsSettings } from '../certificate.ts';
import type { Contender } from '../contender.ts';
import { answers, nginxGlobals, nginxTemporaryPaths } from '../nginx-upstreams.ts';
import { freePort, Launched } from '../processes.ts';
import { programVersion } from '../versions.ts';

/** nginx with least connections, passive health checks (its default), X-Forwarded-For and a request id. The free version has no active health checks. */
export const nginx: Contender = {
  name: 'nginx',
  logs: true,
  secures: true,
  available: () => programVersion('nginx', ['-v'], /nginx\/(\S+)/),
  async start({ upstreams, folder, cpu, accessLog, certificate }) {
    const port = await freePort();
    const file = join(folder, 'nginx.conf');
    writeFileSync(
      file,
      `${nginxGlobals(folder)}
worker_rlimit_nofile 20000;
events { worker_connections 12000; }
http {
  ${nginxTemporaryPaths(folder)}
  access_log ${accessLog ? join(folder, 'access.log') : 'off'};
  keepalive_requests 1000000000; keepalive_timeout 75s;
  client_body_buffer_size 64k; # by default a body of 16 KiB is written to a file first
  upstream servers {
    least_conn;
    ${upstreams.map((upstream) => `server 127.0.0.1:${upstream};`).join(' ')}
    keepalive 128; keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096${certificate === undefined ? '' : ' ssl'};
    ${certificate === undefined ? '' : tlsLines(certificate)}
    location / {
      proxy_pass http://servers;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Request-Id $request_id;
    }
  }
}
`,
    );
    const process = new Launched('nginx', ['-c', file, '-p', folder], { folder, cpu });
    await process.until(() => answers(port, certificate !== undefined));
    return { port, processes: [process], stop: () => process.stop() };
  },
};

function tlsLines({ certificate, key }: CertificateFiles): string {
  const { ciphersuites, ciphers, curves } = tlsSettings;
  return `ssl_certificate ${certificate}; ssl_certificate_key ${key}; ssl_protocols TLSv1.2 TLSv1.3; ssl_prefer_server_ciphers on;
    ssl_conf_command Ciphersuites ${ciphersuites}; ssl_ciphers ${ciphers}; ssl_ecdh_curve ${curves};`;
}
