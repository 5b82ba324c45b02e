import { connect, createServer } from 'node:net';
import t, { type Test, test } from 'tap';
import { eventually } from '../tools/eventually.ts';
import { listening } from '../tools/listening.ts';
import { serving, startBalancer, startGateway, testEnvironment } from '../tools/sluice-under-test.ts';

t.setTimeout(120_000);

/** Starts a target whose answers have the request as it came, trailers included, as their body. */
function startRawEcho(t: Test): Promise<string> {
  const server = createServer((socket) => {
    let text = '';
    socket.on('error', () => {});
    socket.setEncoding('latin1').on('data', (octets) => {
      text += octets;
      const ended = /^transfer-encoding: chunked/im.test(text) ? /\r\n0\r\n(?:[^\r\n]+\r\n)*\r\n$/.test(text) : text.endsWith('\r\n\r\n');
      if (!ended) return;
      const [, name] = /^answer-with: (\S+)/im.exec(text) ?? [];
      const more = name === undefined ? '' : `${name}: of the target\r\n`;
      socket.write(`HTTP/1.1 200 OK\r\n${more}Content-Length: ${Buffer.byteLength(text, 'latin1')}\r\n\r\n${text}`, 'latin1');
      text = '';
    });
  });
  return listening(t, server);
}

/** Sends a request as it is; resolves with everything that came back until the connection closed. */
function sent(address: string, text: string): Promise<string> {
  const [host, port] = address.split(':') as [string, string];
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host, () => socket.write(text, 'latin1'));
    let answer = '';
    socket.on('data', (octets) => {
      answer += octets.toString('latin1');
    });
    socket.on('close', () => resolve(answer)).on('error', reject);
  });
}

const names = ['X_Internal_User', 'x_internal-user', 'X.Internal.User', "X!Internal'User", 'Plain_Name'];
/** Spellings of fields that Sluice writes or reads itself. */
const own = ['X_Forwarded_For', 'x_forwarded-proto', 'X.Request.Id', 'Content_Length', 'Proxy'];

const plain = (lines: string) => `GET /p/x HTTP/1.1\r\nHost: a\r\nX-Kept: 1\r\n${lines}Connection: close\r\n\r\n`;
const upgrade = (lines: string) =>
  `GET /p/x HTTP/1.1\r\nHost: a\r\nX-Kept: 1\r\n${lines}Upgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n`;
const trailed = (lines: string) =>
  `POST /p/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\na\r\n0\r\nX-Kept: 1\r\n${lines}\r\n`;
const forms = { plain, upgrade, trailed };

for (const rule of ['drop', 'reject', 'keep'] as const) {
  test(`underscores: ${rule} holds at the balancer and at the gateway server, for fields, upgrades and trailers`, async (t) => {
    const target = await startRawEcho(t);
    const balancer = await startBalancer(t, {}, { production: { ...testEnvironment, ...(rule === 'drop' ? {} : { underscores: rule }) } });
    const gateway = await startGateway(t, 'a', balancer.control);
    const direct = String((await gateway.logged(({ msg }) => msg === 'gateway listens'))['listen']);
    const policies = { proxyRequest: [{ headers: { remove: ['X-Internal-User'] } }] };
    await balancer.api('POST', '/v1/projects', { name: 'p', basePath: '/p', targets: { default: { url: `http://${target}` } } });
    await balancer.api('PUT', '/v1/environments/production/deployments/p', {});
    await serving(balancer, ['a']);
    const served = () => sent(balancer.address, plain(''));
    await eventually(served, (text) => text.startsWith('HTTP/1.1 200'));

    for (const [entrance, address] of Object.entries({ 'the balancer': balancer.address, 'the gateway server': direct })) {
      for (const [form, request] of Object.entries(forms)) {
        for (const name of names) {
          const text = await sent(address, request(`${name}: given\r\n`));
          const what = `${name}, ${form}, at ${entrance}`;
          if (rule === 'reject') t.match(text, /^HTTP\/1\.1 400 /, what);
          else t.match(text, /^HTTP\/1\.1 200 [\s\S]*X-Kept: 1/, what);
          t.equal(text.includes('given'), rule === 'keep', what);
        }
        for (const name of own) {
          const text = await sent(address, request(`${name}: given\r\n`));
          t.notOk(text.includes('given'), `${name}, ${form}, at ${entrance}: no spelling of a field of Sluice's own passes`);
        }
        // A nomination must not save a field from the rule, nor remove one that Sluice adds.
        const nominated = await sent(
          address,
          request(`X_Internal_User: given\r\n`).replace(/Connection: /, 'Connection: X_Forwarded_For, X-Other, '),
        );
        t.equal(nominated.includes('given'), rule === 'keep', `${form} with nominations at ${entrance}`);
        if (rule !== 'reject') t.match(nominated, /^X-Forwarded-For: /m);
      }
      const answered = await sent(address, plain('Answer-With: X_Of_Target\r\n'));
      t.match(answered, /^X_Of_Target: of the target\r$/m, 'responses pass as they are');
    }

    await balancer.api('POST', '/v1/projects', { name: 'p', basePath: '/p', targets: { default: { url: `http://${target}` } }, policies });
    await balancer.api('PUT', '/v1/environments/production/deployments/p', {});
    await eventually(
      () => sent(balancer.address, plain('X-Internal-User: given\r\n')),
      (text) => text.startsWith('HTTP/1.1 200') && !text.includes('given'),
    );
    for (const address of [balancer.address, direct]) {
      for (const [form, request] of Object.entries(forms)) {
        for (const name of ['X-Internal-User', 'X-INTERNAL-USER', ...names.slice(0, 4)])
          t.notOk((await sent(address, request(`${name}: given\r\n`))).includes('given'), `${name} is removed, ${form}`);
        if (rule === 'keep') t.ok((await sent(address, request('Plain_Name: given\r\n'))).includes('given'), 'and only this one');
      }
    }
  });
}
