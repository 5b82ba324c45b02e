import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { writeCertificate } from '../../src/certificates/certificate.ts';
import { Condition } from './condition.ts';
import { findProgram, run, type WantedProgram } from './debian-packages.ts';
import { DnsServer } from './dns-server.ts';
import { freePort } from './free-port.ts';
import { ownFolder } from './own-folder.ts';
import type { Owner } from './owner.ts';
import { untilListening } from './until-listening.ts';

export const pebbleProgram: WantedProgram = {
  name: 'pebble',
  commands: ['pebble'],
  path: 'usr/bin/pebble',
  variable: 'SLUICE_TEST_PEBBLE',
  download: (folder) => run('apt-get', ['download', 'pebble'], { cwd: folder }),
};

const running = new Set<ChildProcess>();
// Also when the test ends by an exception or runs out of time.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A request that came to the authority. */
export interface AcmeRequest {
  readonly path: string;
  /** Payload of its signed body; undefined: it has none. */
  readonly payload: unknown;
}

export interface PebbleOptions {
  /** Names that lead to this machine for the authority. */
  readonly names: readonly string[];
  /** Faults and other settings of pebble, see its README. */
  readonly env?: Readonly<Record<string, string>>;
  /** Further keys of its configuration. */
  readonly config?: object;
}

/** A Pebble authority on loopback, behind a front that counts requests, and can fail for it. */
export class Pebble {
  /** Port at which it asks for HTTP-01, and for TLS-ALPN-01. */
  readonly httpPort: number;
  readonly tlsPort: number;
  /** Certificate in PEM that the directory's is checked against. */
  readonly ca: string;
  readonly directory: string;
  readonly requests: AcmeRequest[] = [];
  readonly dns: DnsServer;
  /** Number of orders so far. */
  orders = 0;
  /** Answers a request in place of Pebble; false: it does not. */
  front: (request: IncomingMessage, response: ServerResponse, body: string) => boolean = () => false;
  /** Adds to what the directory says. */
  services: Readonly<Record<string, string>> = {};
  #held: Promise<void> = Promise.resolve();
  readonly #port: number;
  readonly #managementPort: number;
  readonly #agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false });

  private constructor(parts: { ports: readonly number[]; ca: string; front: number; dns: DnsServer }) {
    const [port = 0, management = 0, http = 0, tls = 0] = parts.ports;
    this.#port = port;
    this.#managementPort = management;
    this.httpPort = http;
    this.tlsPort = tls;
    this.ca = parts.ca;
    this.dns = parts.dns;
    this.directory = `https://127.0.0.1:${parts.front}/dir`;
  }

  static async start(owner: Owner, { names, env = {}, config = {} }: PebbleOptions): Promise<Pebble> {
    const folder = ownFolder(owner);
    const dns = await DnsServer.start(owner);
    for (const name of names) dns.names.set(name, { addresses: ['127.0.0.1'] });
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const name = 'localhost';
    const content = { name, publicKey, names: { hosts: ['localhost', '127.0.0.1'] }, purpose: 'server' } as const;
    const ca = writeCertificate({ ...content, from: Date.now() - 3_600_000, until: Date.now() + 86_400_000 }, { name, privateKey });
    const files = { certificate: join(folder, 'own.pem'), privateKey: join(folder, 'own.key') };
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    writeFileSync(files.certificate, ca);
    writeFileSync(files.privateKey, key);
    const ports = [await freePort(), await freePort(), await freePort(), await freePort()];
    const listens = { listenAddress: `127.0.0.1:${ports[0]}`, managementListenAddress: `127.0.0.1:${ports[1]}` };
    const settings = { pebble: { ...listens, ...files, httpPort: ports[2], tlsPort: ports[3], ocspResponderURL: '', ...config } };
    writeFileSync(join(folder, 'pebble.json'), JSON.stringify(settings));
    const front = https.createServer({ cert: ca, key }, (request, response) => void pebble.#pass(request, response));
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
    const pebble = new Pebble({ ports, ca, front: (front.address() as AddressInfo).port, dns });
    owner.teardown(() => {
      pebble.#agent.destroy();
      front.close();
      front.closeAllConnections();
    });
    const found = await findProgram(pebbleProgram);
    const child = spawn(found.program, ['-config', join(folder, 'pebble.json'), '-dnsserver', dns.address], {
      env: { ...found.env, PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '30', PEBBLE_AUTHZREUSE: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    let said = '';
    const changed = new Condition();
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-100_000);
        changed.notify();
      });
    child.once('exit', () => {
      running.delete(child);
      changed.notify();
    });
    owner.teardown(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    await changed.until(
      () => {
        if (child.exitCode !== null) throw new Error(`pebble ended: ${said}`);
        return said.includes('ACME directory available');
      },
      { what: 'pebble to start', seen: () => said },
    );
    // Pebble says so before it listens.
    await untilListening(pebble.#port, pebble.#managementPort);
    return pebble;
  }

  /** Wants each certificate to be renewed `ms` after it was asked for the date (RFC 9773). Replaces `front` and `services`. */
  wantRenewal(ms: number): { readonly asked: number } {
    const counts = { asked: 0 };
    this.services = { renewalInfo: new URL('/renewal', this.directory).href };
    this.front = (request, response) => {
      if (request.url?.startsWith('/renewal/') !== true) return false;
      counts.asked++;
      const start = Date.now() + ms;
      const suggestedWindow = { start: new Date(start).toISOString(), end: new Date(start + 100).toISOString() };
      response.writeHead(200, { 'retry-after': '21600' }).end(JSON.stringify({ suggestedWindow }));
      return true;
    };
    return counts;
  }

  /** Answers no request until the function that it returns is called. */
  hold(): () => void {
    let release = () => {};
    this.#held = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  }

  /** Certificate of the root whose intermediate signs, in PEM. */
  async root(): Promise<string> {
    const { body } = await this.#ask({ port: this.#managementPort, path: '/roots/0', method: 'GET' });
    return body;
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const piece of request) body += piece;
    const path = request.url ?? '';
    this.requests.push({ path, payload: payloadIn(body) });
    await this.#held;
    if (this.front(request, response, body)) return;
    // Pebble makes its URLs from Host.
    const answer = await this.#ask({ port: this.#port, path, method: request.method ?? 'GET', headers: request.headers }, body).catch(
      () => undefined,
    );
    if (answer === undefined) {
      response.destroy();
      return;
    }
    const text = path === '/dir' ? JSON.stringify({ ...JSON.parse(answer.body), ...this.services }) : answer.body;
    if (path === '/order-plz' && answer.status === 201) this.orders++;
    const { 'transfer-encoding': _, ...headers } = answer.headers;
    response.writeHead(answer.status, { ...headers, 'content-length': Buffer.byteLength(text) }).end(request.method === 'HEAD' ? '' : text);
  }

  async #ask(options: https.RequestOptions, body?: string): Promise<{ status: number; headers: IncomingMessage['headers']; body: string }> {
    const request = https.request({ host: '127.0.0.1', agent: this.#agent, ...options });
    request.end(body);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    let text = '';
    for await (const piece of response) text += piece;
    return { status: response.statusCode ?? 0, headers: response.headers, body: text };
  }
}

function payloadIn(body: string): unknown {
  if (body === '') return undefined;
  const { payload } = JSON.parse(body) as { payload: string };
  return payload === '' ? undefined : JSON.parse(Buffer.from(payload, 'base64url').toString());
}
