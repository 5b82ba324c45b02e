import t from 'tap';
import { maxHops } from '../../src/proxy/loops.ts';
import { statusOf } from './peer.ts';
import { world } from './world.ts';

const hop = '1.1 sluice';

t.test('a request that keeps coming back is refused', async (t) => {
  let passes = 0;
  const w = await world(t, {
    handler: {
      request: (exchange) => {
        passes++;
        exchange.forward(w.route);
      },
    },
    route: { pick: () => circle },
  });
  const { Upstream } = await import('../../src/proxy/upstream.ts');
  const circle = new Upstream({ id: 'itself', host: '127.0.0.1', port: Number(w.listener.address.split(':')[1]) });
  t.teardown(() => circle.retire());
  const client = await w.client();
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const answer = await client.message();
  t.equal(statusOf(answer), 508);
  t.match(JSON.parse(answer.body), { code: 'loop-detected', status: 508 });
  t.equal(passes, maxHops + 1);
});

t.test('Via of a few passes, or of others, is no circle', async (t) => {
  const w = await world(t);
  for (const [lines, loops] of [
    [new Array(maxHops).fill(`Via: ${hop}\r\n`).join(''), true],
    [new Array(maxHops - 1).fill(`Via: ${hop}\r\n`).join(''), false],
    [`Via: ${new Array(maxHops).fill(hop).join(', ')}\r\n`, true],
    [`Via: ${new Array(maxHops).fill('HTTP/1.1 sluice').join(',')}\r\n`, true],
    [`Via: ${new Array(maxHops).fill('1.0\tsluice (x)').join(',')}\r\n`, true],
    [`Via: ${new Array(3 * maxHops).fill('1.1 sluice.example.com').join(', ')}\r\n`, false],
    [`Via: ${new Array(3 * maxHops).fill('1.1 varnish').join(', ')}\r\n`, false],
  ] as const) {
    const client = await w.client();
    client.send(`GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${lines}\r\n`);
    if (!loops) (await w.server.next()).send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    t.equal(statusOf(await client.message()), loops ? 508 : 200, lines);
  }
});
