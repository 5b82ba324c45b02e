import { connect, createServer } from 'node:net';
import t, { type Test, test } from 'tap';
import { eventually } from '../tools/eventually.ts';
import { listening } from '../tools/listening.ts';
import { type BalancerUnderTest, joinToken, serving, startBalancer, startGateway } from '../tools/sluice-under-test.ts';

t.setTimeout(120_000);

/** Sends a request as it is; resolves with everything that came back until the connection closed. */
function sent(address: string, head: string, localAddress = '127.0.0.1'): Promise<string> {
  const [host, port] = address.split(':') as [string, string];
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), localAddress });
    let text = '';
    socket.on('data', (octets) => {
      text += octets;
    });
    socket.on('close', () => resolve(text)).on('error', reject);
    socket.write(head);
  });
}

/** The status of the answer to a GET with these complete lines. The connection closes after it. */
async function statusOf(address: string, path: string, lines: readonly string[], version = '1.1', from?: string): Promise<number> {
  const options = lines.some((line) => /^connection:/i.test(line)) ? [] : ['Connection: close'];
  const head = [`GET ${path} HTTP/${version}`, ...lines, ...options, '', ''].join('\r\n');
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(await sent(address, head, from))?.[1]);
}

/** Starts a proxy on this machine that passes each request on to `address`, its head changed by `edit`. */
function localProxy(t: Test, address: string, edit: (head: string) => string): Promise<string> {
  const [host, port] = address.split(':') as [string, string];
  const server = createServer((client) => {
    const upstream = connect(Number(port), host);
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
    client.once('data', (octets) => upstream.write(edit(octets.toString('latin1')), 'latin1'));
    upstream.pipe(client);
  });
  return listening(t, server);
}

const hostAs = (address: string) => (head: string) => head.replace(/^host:.*$/im, `Host: ${address}`);
const withLine = (line: string) => (head: string) => head.replace('\r\n\r\n', `\r\n${line}\r\n\r\n`);

/** Ways in which proxies pass a request on. All rewrite Host, the worst case: it does not tell then. */
const proxies: Readonly<Record<string, (head: string) => string>> = {
  'X-Forwarded-For': withLine('X-Forwarded-For: 203.0.113.9'),
  'X-Forwarded-For of an own client': withLine('X-Forwarded-For: 127.0.0.1'),
  Via: withLine('Via: 1.1 nginx'),
  Forwarded: withLine('Forwarded: for=203.0.113.9'),
  'X-Real-IP': withLine('X-Real-IP: 203.0.113.9'),
  X_Real_IP: withLine('X_Real_IP: 203.0.113.9'),
  'X-Original-Host': withLine('X-Original-Host: sluice.example.com'),
  'X-Envoy-External-Address': withLine('X-Envoy-External-Address: 203.0.113.9'),
  'CDN-Loop': withLine('CDN-Loop: cdn'),
  'HTTP/1.0, as nginx by default': (head) => head.replace(' HTTP/1.1\r\n', ' HTTP/1.0\r\n'),
  // The option of a client, which some proxies pass on, must not hide what the proxy added.
  'X-Real-IP, nominated by the client': (head) =>
    withLine('X-Real-IP: 203.0.113.9')(head).replace('Connection: close', 'Connection: X-Real-IP, close'),
  'X-Forwarded-For, nominated by the client': (head) =>
    withLine('X-Forwarded-For: 203.0.113.9')(head).replace('Connection: close', 'Connection: X-Forwarded-For, close'),
};

const control = (balancer: BalancerUnderTest) => new URL(balancer.control).host;

async function gatewayOf(t: Test, balancer: BalancerUnderTest, id: string): Promise<string> {
  const gateway = await startGateway(t, id, balancer.control);
  return String((await gateway.logged(({ msg }) => msg === 'gateway listens'))['listen']);
}

test('what a proxy on this machine passes on is not local, at the control address and at a gateway server', async (t) => {
  const balancer = await startBalancer(t);
  const gateway = await gatewayOf(t, balancer, 'a');
  for (const [address, path] of [
    [control(balancer), '/metrics'],
    [control(balancer), '/v1/prometheus/targets'],
    [control(balancer), '/readyz'],
    [gateway, '/.sluice/metrics'],
    [gateway, '/.sluice/usage'],
  ] as const) {
    t.equal(await statusOf(address, path, [`Host: ${address}`]), 200, `${path} from this machine`);
    for (const [name, edit] of Object.entries(proxies)) {
      const proxy = await localProxy(t, address, (head) => edit(hostAs(address)(head)));
      const status = await statusOf(proxy, path, ['Host: sluice.example.com']);
      t.ok(status === 401 || status === 400, `${path} through a proxy that adds ${name}: ${status}`);
      const withToken = await statusOf(proxy, path, ['Host: sluice.example.com', `Authorization: Bearer ${joinToken}`]);
      t.equal(withToken, status === 400 ? 400 : 200, `${path} with the token through ${name}`);
    }
    const bare = await localProxy(t, address, (head) => head);
    t.equal(await statusOf(bare, path, ['Host: sluice.example.com']), 401, `${path} through a proxy that adds nothing, but leaves Host`);
  }
});

test('a name that is rebound to this machine does not make a page local', async (t) => {
  const balancer = await startBalancer(t);
  const gateway = await gatewayOf(t, balancer, 'a');
  for (const [address, path] of [
    [control(balancer), '/metrics'],
    [control(balancer), '/healthz'],
    [control(balancer), '/v1/prometheus/targets'],
    [gateway, '/.sluice/metrics'],
    [gateway, '/.sluice/usage'],
  ] as const) {
    const port = address.split(':')[1];
    // The page came from its own server; then its name leads here. The browser still sends the name of the page.
    for (const name of [
      'evil.example',
      `evil.example:${port}`,
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      `evil.example.:${port}`,
      'localhost.',
      '[::ffff:10.0.0.1]',
      '0',
      '2130706433',
      '127.1',
      '0x7f000001',
      '0.0.0.0',
      'LOCALHOST.EXAMPLE',
    ])
      t.equal(await statusOf(address, path, [`Host: ${name}`, `Origin: http://${name}`]), 401, `${path} by ${name}`);
    t.equal(await statusOf(address, path, ['Host: evil.example', 'Host: 127.0.0.1']), 400, 'two names');
    for (const name of ['127.0.0.1', 'localhost', 'LocalHost', '[::1]', `127.0.0.9:${port}`])
      t.equal(await statusOf(address, path, [`Host: ${name}`]), 200, `${path} by ${name}`);
    t.equal(await statusOf(gateway, 'http://evil.example/.sluice/metrics', ['Host: 127.0.0.1']), 401, 'the target names the host');
  }
});

test('a project that leads to another gateway server or balancer shows nothing of it', async (t) => {
  const balancer = await startBalancer(t);
  const inner = await gatewayOf(t, balancer, 'inner');
  const outer = await gatewayOf(t, balancer, 'outer');
  const projects = {
    gateway: `http://${inner}`,
    base: `http://${inner}/.sluice`,
    balancer: `http://${balancer.address}`,
    reserved: `http://${balancer.address}/.sluice`,
    control: balancer.control,
    itself: `http://${outer}`,
  };
  for (const [name, url] of Object.entries(projects)) {
    const policies = { targetRequest: [{ headers: { remove: ['Via'] } }] };
    await balancer.api('POST', '/v1/projects', { name, basePath: `/${name}`, targets: { default: { url } }, policies });
    await balancer.api('PUT', `/v1/environments/production/deployments/${name}`, {});
  }
  await serving(balancer, ['inner', 'outer']);
  await eventually(
    () => statusOf(outer, '/itself/nothing', ['Host: a']),
    (status) => status === 404,
  );
  await eventually(
    () => sent(outer, 'GET /itself/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'),
    (text) => text.includes('no-project'),
  );
  for (const entrance of [outer, balancer.address]) {
    for (const path of [
      '/gateway/.sluice/metrics',
      '/gateway/.sluice/ready',
      '/gateway/%2esluice/metrics',
      '/base/metrics',
      '/base/usage',
      '/balancer/.sluice/usage',
      '/base/ready',
      '/balancer/.sluice/ready',
      '/reserved/ready',
      '/reserved/metrics',
      '/control/metrics',
      '/control/readyz',
      '/itself/.sluice/ready',
      '/itself/.sluice/metrics',
    ]) {
      for (const more of [
        [],
        ['Connection: Upgrade, close', 'Upgrade: websocket'],
        ['Connection: close, Via'],
        [`Authorization: Bearer ${joinToken}`],
      ]) {
        const head = [
          `GET ${path} HTTP/1.1`,
          'Host: 127.0.0.1',
          ...more,
          ...(more[0]?.startsWith('Conn') ? [] : ['Connection: close']),
          '',
          '',
        ];
        const text = await sent(entrance, head.join('\r\n'));
        const what = `${path} with ${more.join(', ') || 'nothing'} at ${entrance === outer ? 'a gateway server' : 'the balancer'}`;
        t.match(text, /^HTTP\/1\.1 40[0134] /, what);
        t.notMatch(text, /sluice_|instance|sluice-(?:server|identity)/i, what);
      }
    }
  }
});
