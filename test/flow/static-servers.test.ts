import { createServer } from 'node:http';
import t, { type Test, test } from 'tap';
import type { ServerAnswer } from '../../src/api/answers.ts';
import { eventually } from '../tools/eventually.ts';
import { listening } from '../tools/listening.ts';
import { operate, serving, startBalancer } from '../tools/sluice-under-test.ts';

// Each test starts several processes, one after the other.
t.setTimeout(120_000);

/** Starts plain servers, which know nothing of Sluice: any path that is not `/` or below `/app` gets 404. */
async function plainServers(t: Test, ids: readonly string[]) {
  return Promise.all(
    ids.map(async (id) => {
      const server = createServer((request, response) => {
        response.statusCode = /^\/(app.*)?$/.test(request.url ?? '') ? 200 : 404;
        response.end(id);
      });
      return { id, address: await listening(t, server) };
    }),
  );
}

/** Ids of the servers that answer 60 requests. */
async function answering(address: string): Promise<string> {
  const seen = new Set<string>();
  for (let request = 0; request < 60; request++) {
    const response = await fetch(`http://${address}/app`);
    seen.add(response.ok ? await response.text() : String(response.status));
  }
  return [...seen].sort().join(' ');
}

test('three plain servers serve without any word about health', async (t) => {
  const servers = await plainServers(t, ['one', 'two', 'three']);
  const balancer = await startBalancer(t, {}, { production: { listen: '127.0.0.1:0', servers } });
  await serving(balancer, ['one', 'three', 'two']);
  t.equal(await answering(balancer.address), 'one three two');
});

test('a plain server is drained while it runs; a reload and a restart keep the drain', async (t) => {
  const servers = await plainServers(t, ['one', 'two']);
  const production = { listen: '127.0.0.1:0', health: { interval: '200ms' }, servers };
  const balancer = await startBalancer(t, {}, { production });
  await serving(balancer, ['one', 'two']);
  const drained = await operate(t, balancer, 'server', 'drain', 'two');
  t.match(drained, { status: 0, out: /two is drained/ });
  t.equal(await answering(balancer.address), 'one');
  t.match((await operate(t, balancer, 'status')).out, /two +production +draining/);

  await balancer.api('PUT', '/v1/environments/production', { ...production, panicThreshold: 40 });
  t.equal(await answering(balancer.address), 'one', 'new settings do not end it');
  balancer.process.signal('SIGTERM');
  await balancer.process.ended();
  const again = await balancer.again();
  await eventually(
    () => again.api('GET', '/v1/servers') as Promise<ServerAnswer[]>,
    (all) => all.some(({ id, state }) => id === 'one' && state === 'ready'),
  );
  t.match(await again.api('GET', '/v1/servers/two'), { state: 'draining' });
  t.equal(await answering(again.address), 'one');

  t.match(await operate(t, again, 'server', 'resume', 'two'), { status: 0 });
  await serving(again, ['one', 'two']);
  t.equal(await answering(again.address), 'one two');
  const { status, err } = await operate(t, again, 'server', 'weight', 'two', '3');
  t.equal(status, 1);
  t.match(err, /static/);
});
