import { once } from 'node:events';
import { test } from 'tap';
import { deployEcho } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { serving, startBalancer, startGateway } from '../tools/sluice-under-test.ts';
import { startTalker, talk } from './talk.ts';

test('WebSockets pass balancer and gateway, survive a deploy and a drain, and end with the grace period', async (t) => {
  const target = `http://${await startTalker(t, 'plain')}`;
  const balancer = await startBalancer(t, { shutdown: { grace: '500ms' } });
  await deployEcho(balancer, target);
  const gateway = await startGateway(t, 'a', balancer.control, ['--environment', 'production'], { grace: '500ms' });
  await serving(balancer, ['a']);

  const first = await talk(t, `${balancer.address}/echo/talk`);
  t.equal(await first.say('hello'), '/talk hello');

  // Balancer and gateway follow the registry a moment later.
  const answersWith = (holds: (response: Response) => boolean) => eventually(() => fetch(`http://${balancer.address}/echo/`), holds);
  await deployEcho(balancer, target, '2');
  await answersWith(({ headers }) => headers.get('x-revision') === '2');
  t.equal(await first.say('still here'), '/talk still here', 'it survives a deploy');

  await balancer.api('PATCH', '/v1/servers/a', { draining: true });
  await answersWith(({ status }) => status === 503);
  t.equal(await first.say('drained'), '/talk drained', 'and a drain');
  await balancer.api('PATCH', '/v1/servers/a', { draining: false });
  await answersWith(({ status }) => status === 200);
  const second = await talk(t, `${balancer.address}/echo/talk`);
  t.equal(await second.say('again'), '/talk again');
  second.socket.close();
  await once(second.socket, 'close');

  const ended = once(first.socket, 'close');
  let begun = performance.now();
  gateway.signal('SIGTERM');
  await gateway.logged((line) => line['cause'] === 'SIGTERM');
  t.equal(await first.say('while it leaves'), '/talk while it leaves', 'it stays open during the grace period');
  await ended;
  t.comment(`ended ${Math.round(performance.now() - begun)} ms after SIGTERM of the gateway, whose grace is 500 ms`);
  t.equal(await gateway.ended(), 0);

  await startGateway(t, 'b', balancer.control);
  await serving(balancer, ['b']);
  const third = await talk(t, `${balancer.address}/echo/talk`);
  t.equal(await third.say('on b'), '/talk on b');
  begun = performance.now();
  balancer.process.signal('SIGTERM');
  await once(third.socket, 'close');
  t.comment(`ended ${Math.round(performance.now() - begun)} ms after SIGTERM of the balancer, whose grace is 500 ms`);
  t.equal(await balancer.process.ended(), 0);
});
