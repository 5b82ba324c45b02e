// node fastify-http-proxy.mjs PORT UPSTREAM-PORT…
import httpProxy from '@fastify/http-proxy';
import Fastify from 'fastify';
import { LeastBusy } from './least-busy.mjs';

const [port, ...upstreams] = process.argv.slice(2);
const balancer = new LeastBusy(upstreams);
const app = Fastify();
await app.register(httpProxy, {
  upstream: '',
  undici: { connections: 128, pipelining: 1 },
  replyOptions: {
    getUpstream(request) {
      const upstream = balancer.take();
      request.raw.once('close', () => upstream.active--);
      return upstream.url;
    },
    rewriteRequestHeaders: (request, headers) => ({
      ...headers,
      'x-forwarded-for': headers['x-forwarded-for'] ? `${headers['x-forwarded-for']}, ${request.ip}` : request.ip,
    }),
  },
});
await app.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
