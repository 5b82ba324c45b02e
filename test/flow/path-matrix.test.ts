import { Agent, type IncomingMessage, request } from 'node:http';
import t, { type Test } from 'tap';
import { protectedSpellings } from '../fuzz/paths/protected-spellings.ts';
import { debianTargets, installedTargets, nodeTargets, type PathTarget } from '../fuzz/paths/targets.ts';
import { eventually } from '../tools/eventually.ts';
import { type BalancerUnderTest, serving, startBalancer, startGateway } from '../tools/sluice-under-test.ts';

/** Settings of the projects in front of each target. */
const variants: Readonly<Record<string, object>> = {
  reject: {},
  keep: { encodedSlashes: 'keep' },
  urls: { mergeSlashes: false },
  both: { encodedSlashes: 'keep', mergeSlashes: false },
};
const key = 'the-key';

async function deploy(balancer: BalancerUnderTest, name: string, basePath: string, url: string, settings: object): Promise<void> {
  const resources = [
    { path: '/admin', childPaths: true, policies: { proxyRequest: [{ apiKey: { keys: [key] } }] } },
    { path: '/', childPaths: true },
  ];
  await balancer.api('POST', '/v1/projects', { name, basePath, targets: { default: { url } }, resources, ...settings });
  await balancer.api('PUT', `/v1/environments/production/deployments/${name}`, {});
}

const agent = new Agent({ keepAlive: true, maxSockets: 4 });
t.teardown(() => agent.destroy());

/** Sends a request whose target is written as given; resolves with status and body, or with the error. */
function send(address: string, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<string> {
  const [host, port] = address.split(':') as [string, string];
  return new Promise((resolve) => {
    const answered = (response: IncomingMessage) => {
      let body = '';
      response.setEncoding('latin1').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve(`${response.statusCode} ${body.trim()}`));
      response.on('error', (error) => resolve(error.message));
    };
    const sent = request({ agent, host, port, path, method, headers }, answered);
    sent.on('error', (error) => resolve(error.message));
    sent.end();
  });
}

t.test('no target shows what is protected without the key, however its path is spelt', async (t) => {
  t.ok(protectedSpellings.length >= 200, `${protectedSpellings.length} spellings`);
  const targets = [...(await nodeTargets(t)), ...(await installedTargets(t))];
  if (process.env['SLUICE_TEST_PATH_TARGETS'] === 'debian') targets.push(...(await debianTargets(t)));
  const balancer = await startBalancer(t);
  const gateway = await startGateway(t, 'a', balancer.control);
  const direct = String((await gateway.logged((line) => line.msg === 'gateway listens'))['listen']);
  await serving(balancer, ['a']);
  for (const { name, address } of targets)
    for (const [variant, settings] of Object.entries(variants))
      await deploy(balancer, `${name}-${variant}`, `/${name}/${variant}`, `http://${address}`, settings);
  await deploy(balancer, 'whole', '/', `http://${targets[0]?.address}`, { encodedSlashes: 'keep' });
  const last = `/${targets.at(-1)?.name}/both`;
  await eventually(
    () => send(balancer.address, `${last}/open`),
    (answer) => answer === '200 open',
  );

  for (const target of targets) await t.test(target.name, (t) => tryAll(t, target, [balancer.address, direct]));
});

t.test('a client never sees what is reserved for Sluice, and the access log shows paths as they came', async (t) => {
  const balancer = await startBalancer(t, { accessLog: true });
  await startGateway(t, 'a', balancer.control);
  await serving(balancer, ['a']);
  const [target] = await nodeTargets(t);
  await deploy(balancer, 'shop', '/shop', `http://${target?.address}`, { encodedSlashes: 'keep' });
  await eventually(
    () => send(balancer.address, '/shop/open'),
    (answer) => answer === '200 open',
  );
  for (const path of [
    '/%ff/../%2esluice',
    '/a%2Fb/../.sluice',
    '/q/a%2F../../.sluice',
    '/%252esluice',
    '/x/..;/.sluice',
    '/%c0%aesluice',
    '/.sluice%20',
    '/\\.sluice',
  ])
    for (const below of ['/metrics', '/ready'])
      t.match(await send(balancer.address, `${path}${below}`), /^40[04] .*"(?:not-found|bad-path)"/, `${path}${below}`);
  const given = '/shop/x/%2e%2e//admin%2Fx;v=1?q=%2F';
  t.match(await send(balancer.address, given), /^401 .*"api-key-missing"/);
  t.equal(await send(balancer.address, given, { 'x-api-key': key }), '200 SECRET');
  await eventually(
    () => balancer.process.stdout.split(given).length - 1,
    (count) => count === 2,
    { what: 'two lines with the path as it came' },
  );
});

async function tryAll(t: Test, target: PathTarget, entrances: readonly string[]): Promise<void> {
  const plainly = await Promise.all(protectedSpellings.map((path) => send(target.address, path)));
  const readable = protectedSpellings.filter((_, index) => plainly[index] === '200 SECRET');
  const shown: string[] = [];
  let [open, refused, tried] = [0, 0, 0];
  for (const variant of Object.keys(variants)) {
    const base = `/${target.name}/${variant}`;
    for (const spelling of protectedSpellings) {
      const paths = [
        `${base}${spelling}`,
        `/x/..${base}${spelling}`,
        `/x%2F..${base}${spelling}`,
        `http://api.example.com${base}${spelling}`,
      ];
      const upgrade = { connection: 'upgrade', upgrade: 'websocket' };
      const requests = entrances.flatMap((address) => [
        ...paths.map((path) => ({ path, answer: send(address, path) })),
        { path: `upgrade ${base}${spelling}`, answer: send(address, `${base}${spelling}`, upgrade) },
        { path: `wrong key ${base}${spelling}`, answer: send(address, `${base}${spelling}`, { 'x-api-key': 'wrong' }) },
      ]);
      for (const { path, answer } of requests) {
        const text = await answer;
        tried++;
        if (text.includes('SECRET')) shown.push(path);
        else if (text === '200 open') open++;
        else if (/^4\d\d /.test(text)) refused++;
      }
    }
    for (const address of entrances)
      t.equal(await send(address, `${base}/admin/7`, { 'x-api-key': key }), '200 SECRET', 'the key opens it');
  }
  t.strictSame(shown, [], `0 of ${tried} requests were answered with the secret`);
  t.ok(readable.length >= 5 && open > 0, 'there is something to protect');
  t.comment(
    `${target.name}: ${protectedSpellings.length} spellings, ${readable.length} of which it reads as protected without Sluice; through Sluice ` +
      `${tried} requests without the key: ${shown.length} shown, ${refused} refused, ${open} answered from elsewhere`,
  );
}
