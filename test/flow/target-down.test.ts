import { createServer } from 'node:http';
import t, { type Test, test } from 'tap';
import type { ServerAnswer } from '../../src/api/answers.ts';
import { deployEcho, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { freePort } from '../tools/free-port.ts';
import { listening } from '../tools/listening.ts';
import { Load } from '../tools/load.ts';
import { Scrape } from '../tools/scrape.ts';
import { type BalancerUnderTest, operate, serving, startBalancer, startGateway, testEnvironment } from '../tools/sluice-under-test.ts';

// Each test starts several processes, one after the other.
t.setTimeout(120_000);

/** Pushes and deploys a project whose target is at `url`. */
async function deployTo(balancer: BalancerUnderTest, name: string, url: string): Promise<void> {
  await balancer.api('POST', '/v1/projects', {
    name,
    basePath: `/${name}`,
    // Only the silent one is waited for in vain: a target that is merely slow must not look like it.
    targets: { default: { url, ...(name === 'silent' && { timeouts: { responseHead: '200ms' } }) } },
  });
  await balancer.api('PUT', `/v1/environments/production/deployments/${name}`, {});
}

/** Starts targets that fail in each way that a target can fail; names by path of their project. */
async function failingTargets(t: Test): Promise<Readonly<Record<string, string>>> {
  const server = createServer((request, response) => {
    if (request.url === '/reset') request.socket.resetAndDestroy();
    else if (request.url === '/cut')
      response.writeHead(200, { 'content-length': '100' }).write('half', () => request.socket.resetAndDestroy());
    else if (request.url === '/head') response.writeHead(200, { 'x-large': 'x'.repeat(3000) }).end('large');
    else if (request.url !== '/silent') response.writeHead(500).end('down');
  });
  const url = `http://${await listening(t, server)}`;
  t.teardown(() => server.closeAllConnections());
  return {
    refused: `http://127.0.0.1:${await freePort()}`,
    error: `${url}/error`,
    reset: `${url}/reset`,
    cut: `${url}/cut`,
    silent: `${url}/silent`,
    head: `${url}/head`,
  };
}

/** All errors of targets. */
function sum(servers: readonly ServerAnswer[]): number {
  return servers.reduce((total, { targetErrors }) => total + targetErrors, 0);
}

for (const workers of [0, 2]) {
  test(`targets that fail in any way put no gateway server out (${workers} workers)`, async (t) => {
    // Some limits of the balancer are lower than the gateway server's, so that it meets the fault of the target itself.
    const environment = { ...testEnvironment, limits: { headerBytes: 2048 }, outlier: { maxEjectedPercent: 100 } };
    const balancer = await startBalancer(t, { workers }, { production: environment });
    await deployEcho(balancer, (await startTarget(t)).url);
    const projects = await failingTargets(t);
    for (const [name, url] of Object.entries(projects)) await deployTo(balancer, name, url);
    await startGateway(t, 'a', balancer.control);
    await startGateway(t, 'b', balancer.control);
    await serving(balancer, ['a', 'b']);
    const load = new Load(balancer.address, '/echo/', { clients: 4, restMs: 5 });
    for (const name of Object.keys(projects)) {
      const answers = await Promise.all(
        Array.from({ length: 40 }, () =>
          fetch(`http://${balancer.address}/${name}`, { method: 'POST' })
            .then(async (response) => [response.status, response.headers.get('sluice-fault'), await response.text()])
            .catch(() => ['broken off', null]),
        ),
      );
      t.ok(
        answers.every(([status]) => status === 'broken off' || Number(status) >= 500),
        `${name}: ${answers[0]?.[0]}`,
      );
      t.ok(
        answers.every(([, fault]) => fault === null),
        'no client sees who is to blame',
      );
    }
    load.recount();
    await load.until(({ by }) => by.has('a') && by.has('b'));
    t.strictSame((await load.stop()).wrong, [], 'the other project notices nothing');

    const servers = (await balancer.api('GET', '/v1/servers')) as ServerAnswer[];
    t.strictSame(
      servers.map(({ id, health }) => `${id} ${health}`),
      ['a up', 'b up'],
    );
    t.notOk(
      balancer.process.log.some(({ msg }) => /ejected/.test(String(msg))),
      'none was ejected meanwhile',
    );
    // 40 each of refused, error, reset and silent. One that is cut off counts too if its reset overtakes its head.
    const answered = await eventually(
      async () => (await balancer.api('GET', '/v1/servers')) as ServerAnswer[],
      (all) => sum(all) >= 160,
      { what: 'at least 160 errors of targets to be counted' },
    );
    t.comment(answered.map(({ id, serverErrors, targetErrors }) => ({ id, serverErrors, targetErrors })));
    const scrape = new Scrape(await (await fetch(`${balancer.control}/metrics`)).text());
    t.equal(scrape.sum('sluice_server_target_errors_total'), sum(answered));
    t.ok(sum(answered) <= 200, `${sum(answered)}`);
    t.strictSame(scrape.by('reason', 'sluice_server_ejections_total'), {});
    const { out } = await operate(t, balancer, 'status');
    t.match(out, /REQUESTS +SERVER ERRORS +TARGET ERRORS\n/);
  });
}

test('a gateway server that fails itself is still put out', async (t) => {
  const balancer = await startBalancer(t);
  // A static server that claims that its target is to blame is not believed.
  const broken = createServer((request, response) => {
    response.writeHead(request.url === '/.sluice/ready' ? 200 : 500, { 'sluice-fault': 'target' }).end('broken');
  });
  const address = await listening(t, broken);
  const well = createServer((_, response) => response.end('well'));
  const other = await listening(t, well);
  const servers = [
    { id: 'broken', address },
    { id: 'well', address: other },
  ];
  await balancer.api('PUT', '/v1/environments/production', { ...testEnvironment, servers });
  await serving(balancer, ['broken', 'well']);
  for (let request = 0; request < 40; request++) await fetch(`http://${balancer.address}/x`).then((response) => response.text());
  const seen = await eventually(
    () => balancer.api('GET', '/v1/servers/broken') as Promise<ServerAnswer>,
    ({ health }) => health === 'ejected',
    { what: 'the broken server to be ejected' },
  );
  t.match(seen, { health: 'ejected', targetErrors: 0 });
});
