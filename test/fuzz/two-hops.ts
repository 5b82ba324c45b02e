import { environmentSpec } from '../../src/model/environment.ts';
import type { Handler, Listener, Route } from '../../src/proxy/contract.ts';
import { openListener } from '../../src/proxy/http-listener.ts';
import { RequestQueue } from '../../src/proxy/request-queue.ts';
import { RetryBudget } from '../../src/proxy/retry.ts';
import { Upstream } from '../../src/proxy/upstream.ts';
import { mutate, mutation, request } from '../http1/message-generators.ts';
import { eventually } from '../tools/eventually.ts';
import fc from '../tools/fast-check.ts';
import { Peer } from '../wire/peer.ts';
import type { Fuzzer } from './fuzzer.ts';
import { type Heard, LenientServer } from './lenient-server.ts';

const spec = environmentSpec.parse({ timeouts: { connect: '2s', responseHead: '2s' } });
const settings = { headerBytes: 8192, bodyRate: 0, timeouts: spec.timeouts, trustedProxies: [] };
/** The second hop puts this field into every request that it forwards: a request without it, or with two, is smuggled. */
const mark = 'x-forwarded-by-the-second-hop';

/** Opens a listener that forwards everything to `port`, in the way of a balancer or a gateway server. */
async function hop(port: number, faults: unknown[], last: boolean): Promise<{ listener: Listener; upstream: Upstream }> {
  const upstream = new Upstream({ id: 'next', host: '127.0.0.1', port });
  const route: Route = { settings: spec, budget: new RetryBudget(), queue: new RequestQueue(), pick: () => upstream };
  const handler: Handler = {
    request(exchange) {
      if (last) exchange.request.headers.set(mark, '1');
      exchange.forward(route);
    },
    fault: (error) => void faults.push(error),
  };
  return { listener: await openListener('127.0.0.1:0', settings, handler), upstream };
}

/** Damaged requests over two hops to a lenient server, whose connections a well-behaved client shares. */
export const twoHops: Fuzzer = {
  name: 'two-hops',
  async open() {
    const heard: Heard[] = [];
    const faults: unknown[] = [];
    const server = new LenientServer((one) => heard.push(one));
    const gateway = await hop(await server.open(), faults, true);
    const balancer = await hop(Number(gateway.listener.address.split(':')[1]), faults, false);
    let reached = 0;
    let number = 0;
    const bystander = await Peer.to(balancer.listener.address);

    const input = fc.tuple(request, fc.array(mutation, { minLength: 1, maxLength: 3 }), fc.boolean());
    const property = fc.asyncProperty(input, async ([{ head, text }, changes, more]) => {
      heard.length = 0;
      const client = await Peer.to(balancer.listener.address);
      client.send(mutate(head + text, changes) + (more ? '' : 'GET /second HTTP/1.1\r\nHost: a\r\n\r\n'));
      // Sluice answers, waits for more, or closes: after the end of this side nothing more can come.
      client.end();
      await client.closed();
      const path = `/bystander-${++number}`;
      bystander.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const { line, body } = await bystander.message();
      if (!line.includes(' 200 ') || body !== path) throw new Error(`the bystander asked for ${path} and got ${line}: ${body}`);
      await eventually(
        () => [balancer, gateway].map(({ listener, upstream }) => listener.active + upstream.active),
        (active) => active.every((count) => count === 0),
        { what: 'no exchange to be in flight' },
      );
      for (const { line, fields } of heard) {
        const marks = fields.toLowerCase().split(`${mark}:`).length - 1;
        if (marks !== 1) throw new Error(`a request with ${marks} marks reached the server: ${JSON.stringify({ line, fields })}`);
      }
      if (heard.length > 3) throw new Error(`two requests became ${heard.length - 1}: ${JSON.stringify(heard)}`);
      if (faults.length > 0) throw new Error(`a bug was reported: ${String(faults.splice(0)[0])}`);
      reached += heard.length > 1 ? 1 : 0;
    });
    return {
      property,
      reached: () => reached,
      async close() {
        bystander.reset();
        await Promise.all([balancer.listener.close(0), gateway.listener.close(0)]);
        balancer.upstream.retire();
        gateway.upstream.retire();
        await server.close();
      },
    };
  },
};
