import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { test } from 'tap';
import { WebSocketServer } from 'ws';
import { CertificateFolder } from '../tools/certificate-folder.ts';
import { listening } from '../tools/listening.ts';
import { adminToken, startBalancer } from '../tools/sluice-under-test.ts';
import { startBrowser } from './browser.ts';

test('Chromium uses the dashboard, a server and its WebSocket over TLS', async (t) => {
  const certificate = new CertificateFolder(t).issue({ names: ['localhost', '127.0.0.1'] });
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>shop</title><link rel="icon" href="data:,">');
  });
  new WebSocketServer({ server }).on('connection', (socket) => socket.on('message', (said) => socket.send(`heard ${said}`)));
  const servers = [{ id: 'one', address: await listening(t, server) }];
  const production = { listen: '127.0.0.1:0', health: 'off', servers, tls: { certificates: [certificate], hsts: '1h' } };
  const balancer = await startBalancer(t, { control: { listen: '127.0.0.1:0', tls: certificate } }, { production });
  const key = new X509Certificate(readFileSync(certificate.certificate)).publicKey.export({ type: 'spki', format: 'der' });
  const hash = createHash('sha256').update(key).digest('base64');
  const { page, context, complaints } = await startBrowser(t, [`--ignore-certificate-errors-spki-list=${hash}`]);

  await page.goto(`${balancer.control}/#token=${adminToken}`);
  await page.getByText('Live', { exact: true }).waitFor();
  const session = (await context.cookies(`${balancer.control}/v1/session`)).find(({ name }) => name.startsWith('sluice-session'));
  t.match(session, { httpOnly: true, sameSite: 'Strict', secure: true });

  const shop = await context.newPage();
  const address = `localhost:${balancer.address.split(':')[1]}`;
  const answer = await shop.goto(`https://${address}/`);
  t.equal(await shop.title(), 'shop');
  t.match(await answer?.allHeaders(), { 'strict-transport-security': 'max-age=3600' });
  const security = await answer?.securityDetails();
  t.match(security, { protocol: 'TLS 1.3', subjectName: 'localhost' });
  const heard = await shop.evaluate(`new Promise((resolve, reject) => {
    const socket = new WebSocket('wss://${address}/');
    socket.onopen = () => socket.send('hello');
    socket.onmessage = ({ data }) => resolve(data);
    socket.onerror = reject;
  })`);
  t.equal(heard, 'heard hello');
  t.same(complaints, []);
});
