import { type Test, test } from 'tap';
import { deployEcho, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import type { SluiceProcess } from '../tools/sluice-process.ts';
import { type BalancerUnderTest, serving, startBalancer, startGateway, testEnvironment } from '../tools/sluice-under-test.ts';
import { startTalker, talk } from './talk.ts';

const unknownNode = /^Node\.js \S+ is not known to Sluice: each request costs more CPU time$/;

/** Lists the lines that Node.js itself wrote, which are not JSON. */
function linesOfNode({ log }: SluiceProcess): (string | undefined)[] {
  return log.filter((line) => line['level'] === undefined).map(({ msg }) => msg);
}

test('Node.js itself prints no warning, also with WebSockets', async (t) => {
  const variables = { NODE_OPTIONS: '--trace-warnings --trace-deprecation' };
  const target = `http://${await startTalker(t, 'plain')}`;
  const balancer = await startBalancer(t, {}, {}, variables);
  await deployEcho(balancer, target);
  const gateway = await startGateway(t, 'a', balancer.control, undefined, { variables });
  await serving(balancer, ['a']);
  await eventually(
    () => fetch(`http://${balancer.address}/echo/`),
    ({ status }) => status === 200,
  );
  const { say, socket } = await talk(t, `${balancer.address}/echo/talk`);
  t.equal(await say('hello'), '/talk hello');
  socket.close();
  for (const process of [gateway, balancer.process]) {
    process.signal('SIGTERM');
    t.equal(await process.ended(), 0);
    t.strictSame(linesOfNode(process), []);
    t.notOk(
      process.log.some(({ msg = '' }) => unknownNode.test(msg)),
      'every internal part of Node.js that Sluice uses exists',
    );
  }
});

test('a deprecation warning that is not of http-proxy is printed, also after a WebSocket', async (t) => {
  const balancer = await startInFrontOf(t, await startTalker(t, 'plain'), {
    NODE_OPTIONS: preload(`import util from 'node:util';
      const old = util.deprecate(() => {}, 'not of http-proxy', 'DEP_TEST');
      process.on('SIGWINCH', () => old());`),
  });
  const { say } = await talk(t, `${balancer.address}/talk`);
  t.equal(await say('hello'), '/talk hello');
  balancer.process.signal('SIGWINCH');
  await balancer.process.logged(({ msg = '' }) => msg.includes('[DEP_TEST] DeprecationWarning: not of http-proxy'));
  t.equal(linesOfNode(balancer.process).filter((line) => line?.includes('DeprecationWarning')).length, 1);
});

test('on a Node.js without these internal parts, Sluice logs a warning and serves', async (t) => {
  const variables = { NODE_OPTIONS: preload('process.binding = () => ({});') };
  const target = await startTarget(t);
  const balancer = await startBalancer(t, {}, {}, variables);
  const gateway = await startGateway(t, 'a', balancer.control, undefined, { variables });
  for (const process of [gateway, balancer.process]) {
    t.match(await process.logged(({ msg = '' }) => unknownNode.test(msg)), { level: 40, lacking: 'WriteWrap' });
  }
  await deployEcho(balancer, target.url);
  await serving(balancer, ['a']);
  // Balancer and gateway follow the registry a moment later.
  await eventually(
    () => fetch(`http://${balancer.address}/echo/`),
    ({ status }) => status === 200,
  );
  const body = 'x'.repeat(3_000_000);
  for (let round = 0; round < 3; round++) {
    const answer = await fetch(`http://${balancer.address}/echo/${round}`, { method: 'POST', body });
    t.ok((await answer.text()) === `POST ${round} ${body}`);
  }
  const other = await startInFrontOf(t, await startTalker(t, 'plain'), variables);
  const { say } = await talk(t, `${other.address}/talk`);
  t.equal(await say('hello'), '/talk hello');
  t.equal(await say('again'), '/talk again');
});

/** Starts a balancer with one static server. */
function startInFrontOf(t: Test, address: string, variables: Record<string, string>): Promise<BalancerUnderTest> {
  return startBalancer(t, {}, { production: { ...testEnvironment, servers: [{ id: 'one', address }] } }, variables);
}

/** Makes the option with which Node.js runs a module before the program. */
function preload(text: string): string {
  return `--import=data:text/javascript,${encodeURIComponent(text)}`;
}
