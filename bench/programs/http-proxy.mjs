// node http-proxy.mjs PORT UPSTREAM-PORT…
import http from 'node:http';
import httpProxy from 'http-proxy';
import { LeastBusy } from './least-busy.mjs';

const [port, ...upstreams] = process.argv.slice(2);
const balancer = new LeastBusy(upstreams);
const proxy = httpProxy.createProxyServer({ agent: new http.Agent({ keepAlive: true, maxSockets: 128 }), xfwd: true });
proxy.on('error', (_error, _request, response) => {
  if (!response.headersSent) response.writeHead?.(502);
  response.end();
});
http
  .createServer((request, response) => {
    const upstream = balancer.take();
    response.once('close', () => upstream.active--);
    proxy.web(request, response, { target: upstream.url });
  })
  .listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
