import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Availability, Contender } from '../contender.ts';
import { nginxGlobals, nginxTemporaryPaths } from '../nginx-upstreams.ts';
import { freePort, Launched } from '../processes.ts';
import { programVersion } from '../versions.ts';
import { theKey } from './rows.ts';

/** Folder of Debian's modules, and what is in it after `apt-get install libnginx-mod-http-lua`. */
const modules = '/usr/lib/nginx/modules';
const files = ['ndk_http_module.so', 'ngx_http_lua_module.so'].map((name) => join(modules, name));

/**
 * nginx with Lua, as Kong and APISIX are made: looks up an API key in shared memory, hides it from the upstream, counts requests of its consumer in shared
 * memory, and tells the client the limit.
 */
export const luaNginx: Omit<Contender, 'logs' | 'secures'> = {
  name: 'nginx with Lua',
  available(): Availability {
    if (!files.every(existsSync)) return { missing: `${modules} has no module for Lua (Debian: apt-get install libnginx-mod-http-lua)` };
    return programVersion('nginx', ['-v'], /nginx\/(\S+)/);
  },
  async start({ upstreams, folder, cpu }) {
    const port = await freePort();
    const file = join(folder, 'lua.conf');
    writeFileSync(
      file,
      `${files.map((path) => `load_module ${path};`).join(' ')}
${nginxGlobals(folder)}
events { worker_connections 4096; }
http {
  ${nginxTemporaryPaths(folder)}
  access_log off; keepalive_requests 1000000000; keepalive_timeout 75s;
  lua_shared_dict keys 1m; lua_shared_dict counts 10m;
  init_by_lua_block { ngx.shared.keys:set("${theKey}", "bench") }
  upstream servers { server 127.0.0.1:${upstreams[0]}; keepalive 128; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      access_by_lua_block {
        local key = ngx.var.http_x_api_key
        local consumer = key and ngx.shared.keys:get(key)
        if not consumer then return ngx.exit(401) end
        ngx.req.clear_header("X-API-Key")
        local count = ngx.shared.counts:incr(consumer .. ngx.time(), 1, 0, 2)
        if count > 1000000 then return ngx.exit(429) end
        ngx.header["RateLimit-Policy"] = '"bench";q=1000000;w=1'
        ngx.header["RateLimit"] = '"bench";r=' .. (1000000 - count) .. ';t=1'
      }
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
    await process.until(() => refusesWithoutKey(port));
    return { port, processes: [process], stop: () => process.stop() };
  },
};

/** Resolves if a request without a key gets 401, so that what is measured is known to decide. */
async function refusesWithoutKey(port: number): Promise<void> {
  const { status } = await fetch(`http://127.0.0.1:${port}/`);
  if (status !== 401) throw new Error(`status ${status} without a key`);
  const known = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-api-key': theKey } });
  if (known.status !== 200 || known.headers.get('ratelimit') === null) throw new Error(`status ${known.status} with the key`);
}
