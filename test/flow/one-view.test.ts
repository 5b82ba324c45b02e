import { createServer } from 'node:http';
import { connect } from 'node:net';
import { type Test, test } from 'tap';
import { Authority } from '../../src/certificates/authority.ts';
import { proveBalancer } from '../../src/certificates/balancer-proof.ts';
import { balancerUri } from '../../src/certificates/hop-certificates.ts';
import { makeKeyPair, privatePem } from '../../src/certificates/key-pair.ts';
import { eventually } from '../tools/eventually.ts';
import { listening } from '../tools/listening.ts';
import { serving, startBalancer, startGateway, testEnvironment } from '../tools/sluice-under-test.ts';

/** Sends requests over one connection, each after the answer to the one before; resolves with the heads that the target got, in lower case. */
async function seen(address: string, requests: readonly string[], localAddress = '127.0.0.1'): Promise<string[]> {
  const [host = '', port] = address.split(':');
  const socket = connect({ host, port: Number(port), localAddress });
  const heads: string[] = [];
  let text = '';
  for (const request of requests) {
    socket.write(request);
    text = '';
    await new Promise<void>((resolve, reject) => {
      const take = (octets: Buffer) => {
        text += octets;
        const [head = '', body = ''] = text.split('\r\n\r\n');
        const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? Number.POSITIVE_INFINITY);
        if (body.length < length) return;
        socket.off('data', take);
        heads.push(body);
        resolve();
      };
      socket
        .on('data', take)
        .once('error', reject)
        .once('close', () => reject(new Error(`closed after: ${text}`)));
    });
  }
  socket.destroy();
  return heads;
}

const get = (path: string, ...lines: string[]) => [`GET ${path} HTTP/1.1`, 'Host: shop.example', ...lines, '', ''].join('\r\n');

/** The fields about the way of a request, one line each. */
function aboutTheWay(head: string): string[] {
  return head.split('\n').filter((line) => /^(?:x-forwarded|forwarded|via|x-request-id|sluice)/.test(line));
}

/** A target that answers with the head that it got. */
function startMirror(t: Test): Promise<string> {
  return listening(
    t,
    createServer(({ rawHeaders }, response) => {
      let text = '';
      for (let at = 0; at < rawHeaders.length; at += 2) text += `${rawHeaders[at]?.toLowerCase()}: ${rawHeaders[at + 1]}\n`;
      response.end(text);
    }),
  );
}

const asked: readonly { name: string; from: string; path?: string; lines: readonly string[]; seen: readonly string[] }[] = [
  {
    name: 'a client that claims to be a proxy',
    from: '127.0.0.1',
    lines: [
      ...['X-Forwarded-For: 203.0.113.66', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: evil.example', 'Forwarded: for=203.0.113.66'],
      ...['Via: 1.1 before', 'X-Request-Id: request-1'],
    ],
    seen: [
      ...['via: 1.1 before', 'via: 1.1 sluice', 'x-forwarded-for: 127.0.0.1', 'x-forwarded-host: shop.example'],
      ...['x-forwarded-proto: http', 'x-request-id: request-1'],
    ],
  },
  {
    name: 'a trusted proxy',
    from: '127.0.0.2',
    lines: [
      ...['X-Forwarded-For: 203.0.113.7', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: api.example', 'Forwarded: for=203.0.113.7'],
      'X-Request-Id: request-2',
    ],
    seen: [
      'forwarded: for=203.0.113.7, for=127.0.0.2;host="shop.example";proto=http',
      ...['via: 1.1 sluice', 'x-forwarded-for: 203.0.113.7, 127.0.0.2', 'x-forwarded-host: api.example'],
      ...['x-forwarded-proto: https', 'x-request-id: request-2'],
    ],
  },
  {
    name: 'a project whose policy removes Via',
    from: '127.0.0.1',
    path: '/edited',
    lines: ['Via: 1.1 before', 'X-Request-Id: request-3'],
    seen: [
      ...['via: 1.1 sluice', 'x-forwarded-for: 127.0.0.1', 'x-forwarded-host: shop.example'],
      ...['x-forwarded-proto: http', 'x-request-id: request-3'],
    ],
  },
];

test('a target sees the client in the same way, however balancer and gateway server are connected', async (t) => {
  const url = `http://${await startMirror(t)}`;
  const environment = { ...testEnvironment, trustedProxies: ['127.0.0.2'] };
  const modes = {
    plain: { ...environment, listen: '127.0.0.1:0' },
    http1: { ...environment, listen: '127.0.0.5:0', hop: 'http1' },
    secured: { ...environment, listen: '127.0.0.3:0', serverTls: 'on' },
    embedded: { ...environment, listen: '127.0.0.4:0', embedded: { id: 'of-embedded' } },
  };
  const balancer = await startBalancer(t, { environments: modes });
  const policies = { targetRequest: [{ headers: { remove: ['Via'] } }] };
  for (const project of [
    { name: 'seen', basePath: '/seen', targets: { default: { url } } },
    { name: 'edited', basePath: '/edited', targets: { default: { url } }, policies },
  ])
    await balancer.api('POST', '/v1/projects', project);
  const started = Object.keys(modes).map(async (name) => {
    for (const project of ['seen', 'edited']) await balancer.api('PUT', `/v1/environments/${name}/deployments/${project}`, {});
    const gateway = name === 'embedded' ? undefined : await startGateway(t, `of-${name}`, balancer.control, ['--environment', name]);
    await serving(balancer, [`of-${name}`], name);
    return gateway && String((await gateway.logged(({ msg }) => msg === 'gateway listens'))['listen']);
  });
  const [gateway = ''] = await Promise.all(started);

  for (const [mode, address] of Object.entries(balancer.addresses)) {
    for (const { name, from, path = '/seen', lines, seen: wanted } of asked) {
      // A gateway server that has just joined may not know the authority of its balancer yet.
      const view = async () => aboutTheWay(((await seen(address, [get(path, ...lines)], from))[0] ?? '').toString()).sort();
      t.strictSame(await eventually(view, (lines) => lines.join() === wanted.join()).catch(view), wanted, `${mode}: ${name}`);
    }
  }

  const stranger = Authority.make(Date.now());
  const { publicKey, privateKey } = makeKeyPair();
  const now = Date.now();
  const certificate = stranger.issue({ uri: balancerUri('b'), publicKey, purpose: 'client', from: now - 1000, until: now + 60_000 });
  const proof = proveBalancer({ certificate, key: privatePem(privateKey) }, { id: 'of-plain', environment: 'plain' });
  for (const claim of [proof, 'x y', '']) {
    const forged = get('/seen', 'X-Forwarded-For: 203.0.113.66', 'Via: 1.1 sluice', `Sluice-Balancer: ${claim}`);
    const [, view = ''] = await seen(gateway, [get('/.sluice/ready', `Sluice-Balancer: ${claim}`), forged], '127.0.0.2');
    t.match(view, /^x-forwarded-for: 203\.0\.113\.66, 127\.0\.0\.2$/m, 'a client cannot pass for a balancer');
    t.equal(view.match(/^via: 1\.1 sluice$/gm)?.length, 2, 'its Via is not the only one');
  }
});
