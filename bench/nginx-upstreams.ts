import { mkdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { freePort, Launched } from './processes.ts';
import { smallAnswer } from './workloads.ts';

/** Upstream servers of the measurements: nginx, which answers small requests from its configuration and large ones with sendfile. */
export interface Upstreams {
  readonly ports: readonly number[];
  readonly processes: readonly Launched[];
  stop(): Promise<void>;
}

/** Starts one nginx worker that listens on three ports, on processor `cpu`. */
export async function startUpstreams(folder: string, cpu: number): Promise<Upstreams> {
  mkdirSync(join(folder, 'www'), { recursive: true });
  writeFileSync(join(folder, 'www', '16k'), Buffer.alloc(16_384, 'sluice '));
  writeFileSync(join(folder, 'www', '1m'), Buffer.alloc(1_048_576, 'sluice '));
  const ports = [await freePort(), await freePort(), await freePort()];
  const file = join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `${nginxGlobals(folder)}
events { worker_connections 4096; }
http {
  ${nginxTemporaryPaths(folder)}
  access_log off; keepalive_requests 1000000000; keepalive_timeout 1h;
  sendfile on; tcp_nopush on; open_file_cache max=10 inactive=1h;
  upstream itself { server 127.0.0.1:${ports[0]}; keepalive 256; keepalive_requests 1000000000; }
  server {
    ${ports.map((port) => `listen 127.0.0.1:${port} backlog=4096;`).join(' ')}
    default_type application/json;
    location / { return 200 '${smallAnswer}'; }
    location /cached { add_header Cache-Control max-age=3600; return 200 '${smallAnswer}'; }
    location /16k { root ${join(folder, 'www')}; }
    # "return" answers before the body is read; proxying to itself reads the body first.
    location /post { client_body_buffer_size 64k; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header Connection ""; proxy_http_version 1.1; proxy_pass http://itself/; }
    location /1m { root ${join(folder, 'www')}; }
  }
}
`,
  );
  const nginx = new Launched('nginx', ['-c', file, '-p', folder], { folder, cpu });
  await nginx.until(() => answers(ports[0] as number));
  return { ports, processes: [nginx], stop: () => nginx.stop() };
}

/** First lines of an nginx configuration. Started by root, the worker stays root, because another user could not use the folder. */
export function nginxGlobals(folder: string): string {
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  return `worker_processes 1; daemon off; ${user} pid ${join(folder, 'nginx.pid')}; error_log ${join(folder, 'error.log')};`;
}

/** Moves nginx's temporary files out of the system's folders. */
export function nginxTemporaryPaths(folder: string): string {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return kinds.map((kind) => `${kind}_temp_path ${join(folder, kind)};`).join(' ');
}

/** Resolves if `GET /` is answered with 200, else rejects. @param secure the port speaks TLS */
export function answers(port: number, secure = false): Promise<void> {
  const { get } = secure ? https : http;
  return new Promise((resolve, reject) => {
    const asked = get({ host: '127.0.0.1', port, path: '/', agent: false, timeout: 1000, rejectUnauthorized: false }, (response) => {
      response.resume();
      if (response.statusCode === 200) resolve();
      else reject(new Error(`status ${response.statusCode}`));
    });
    asked.on('error', reject).on('timeout', () => asked.destroy(new Error('no answer within 1 s')));
  });
}
