import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { GatewayHandler } from '../../src/gateway/gateway-handler.ts';
import { projectFamilies } from '../../src/gateway/project-families.ts';
import { SnapshotApplier } from '../../src/gateway/snapshot-applier.ts';
import { exposition } from '../../src/metrics/exposition.ts';
import { AddressGuard } from '../../src/model/address-guard.ts';
import { environmentSpec } from '../../src/model/environment.ts';
import { atOnce } from '../../src/model/pieces.ts';
import { type ProjectInput, project as projectSchema } from '../../src/model/project.ts';
import { openListener } from '../../src/proxy/http-listener.ts';
import { CertificateFolder, textsOf } from '../tools/certificate-folder.ts';
import { eventually } from '../tools/eventually.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { keptLogger } from '../tools/fake-logger.ts';

const upLine = /^sluice_target_up\{project="shop",target="default",upstream="([^"]*)"\} (.*)$/gm;

type Targets = ProjectInput['targets'];

/** A real target: what it was asked, and the statuses with which it answers. */
class RealTarget {
  readonly checks: { path: string; host: string }[] = [];
  requests = 0;
  port = 0;
  /** Status of checks, and of other requests. */
  checked = 200;
  status = 200;
  /** True: nothing is answered. */
  hangs = false;
  readonly #server: Server;

  constructor(name: string, make: (listener: RequestListener) => Server = createServer) {
    this.#server = make((request, response) => {
      const isCheck = request.headers['user-agent'] === 'sluice-health';
      if (isCheck) this.checks.push({ path: request.url ?? '', host: request.headers.host ?? '' });
      else this.requests++;
      if (this.hangs) return;
      response.writeHead(isCheck ? this.checked : this.status).end(name);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/secret`;
  }

  /** Listens; again on the same port after `close`. */
  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.#server.address() as AddressInfo).port;
  }

  close(): Promise<unknown> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Opens real targets with these names. */
async function targets(t: Test, ...names: string[]): Promise<RealTarget[]> {
  const all = names.map((name) => new RealTarget(name));
  for (const one of all) await one.open();
  t.teardown(() => Promise.all(all.map((one) => one.close())));
  return all;
}

/** A gateway that serves what `serve` is given, on a real listener. */
async function gateway(t: Test, denied: readonly string[] = []) {
  const clock = new FakeClock();
  const { logger, lines } = keptLogger();
  const applier = new SnapshotApplier({ random: () => 0.5, logger, clock, guard: new AddressGuard(denied) });
  const handler = new GatewayHandler(
    {
      get table() {
        return applier.table;
      },
      ready: true,
    },
    logger,
  );
  const { limits, timeouts } = environmentSpec.parse({});
  const settings = { headerBytes: limits.headerBytes, bodyRate: limits.bodyRate, timeouts, trustedProxies: [] };
  const listener = await openListener('127.0.0.1:0', settings, handler);
  t.teardown(async () => {
    applier.clear();
    await listener.close(0);
  });
  let version = 0;
  const metrics = () => exposition(atOnce(projectFamilies(applier, handler.unmatched)));
  const ask = async () => {
    const response = await fetch(`http://${listener.address}/shop/x`);
    return { status: response.status, by: await response.text() };
  };
  return {
    clock,
    lines,
    /** Deploys the project with these targets; without targets, nothing is deployed. */
    serve(given?: Targets) {
      version++;
      const project = given && projectSchema.parse({ name: 'shop', basePath: '/shop', targets: given });
      const put = project === undefined ? [] : [{ name: 'shop', revision: version, project }];
      applier.apply({ environment: 'one', epoch: 'e', version, hash: `${version}`, variables: {}, put, removed: [] });
      for (const { message } of applier.states.flatMap(({ error }) => (error === undefined ? [] : [{ message: error }]))) t.fail(message);
    },
    ask,
    /** Bodies of the answers to several requests, without repetition. */
    async answers(count = 6): Promise<string[]> {
      const seen = new Set<string>();
      for (let sent = 0; sent < count; sent++) seen.add((await ask()).by);
      return [...seen].sort();
    },
    /** Value of `sluice_target_up` by upstream, as it is exported. */
    up: () => Object.fromEntries([...metrics().matchAll(upLine)].map(([, upstream, value]) => [upstream, value])),
    metrics,
    /** Lets time pass until the log has a line with this message about this target. */
    async until(msg: string, { port }: RealTarget, times = 1) {
      const about = () => lines.filter((line) => line.msg === msg && line['upstream'] === `127.0.0.1:${port}`);
      await eventually(
        async () => {
          await clock.pass(600);
          return about().length;
        },
        (count) => count >= times,
        { what: `"${msg}" in the log` },
      );
      return about().at(-1);
    },
  };
}

t.test('a URL whose checks fail gets no requests until they pass, and keeps its verdict in the next revision', async (t) => {
  const [one, two] = (await targets(t, 'one', 'two')) as [RealTarget, RealTarget];
  const { serve, answers, until, up, metrics, lines, clock } = await gateway(t);
  const urls = [{ url: one.url }, { url: two.url }];
  const checked = { default: { urls, health: { path: '/healthz?deep', timeout: '1h', interval: '5s', rise: 2, fall: 2 } } };
  serve(checked);
  await until('target up', one);
  await until('target up', two);
  t.same(one.checks[0], { path: '/healthz?deep', host: `127.0.0.1:${one.port}` });
  t.same(await answers(), ['one', 'two']);
  one.checked = 500;
  t.match(await until('target down', one), {
    level: 40,
    project: 'shop',
    target: 'default',
    failure: 'status',
    reason: 'answered with status 500, expected 200-399',
  });
  t.same(await answers(), ['two']);
  t.same(up(), { [`127.0.0.1:${one.port}`]: '0', [`127.0.0.1:${two.port}`]: '1' });
  t.match(metrics(), /sluice_target_health_checks_total\{[^}]*result="status"[^}]*\} [1-9]/);
  t.notMatch(metrics() + JSON.stringify(lines), /secret/, 'neither metrics nor lines name the path of a URL');

  serve({ ...checked, spare: { url: two.url } });
  t.same(await answers(), ['two'], 'the verdict outlives the revision');
  one.checked = 200;
  await until('target up', one, 2);
  t.same(await answers(), ['one', 'two']);

  one.checked = 500;
  await until('target down', one, 2);
  serve({ default: { urls } });
  t.same(await answers(), ['one', 'two'], 'a revision without checks asks every URL');
  t.same(up(), {});
  t.equal(clock.pending, 0, 'and nothing is checked any more');
});

t.test('checks end when the project is no longer served', async (t) => {
  const [one] = (await targets(t, 'one')) as [RealTarget];
  const { serve, until, clock } = await gateway(t);
  serve({ default: { url: one.url, health: { path: '/', timeout: '1h' } } });
  await until('target up', one);
  t.not(clock.pending, 0);
  serve();
  t.equal(clock.pending, 0);
});

t.test('while every URL is down the failover target gets the requests, and while that is down too all URLs do', async (t) => {
  const [one, two, spare, idle] = (await targets(t, 'one', 'two', 'spare', 'idle')) as [RealTarget, RealTarget, RealTarget, RealTarget];
  const { serve, answers, until } = await gateway(t);
  const health = { path: '/', fall: 1, timeout: '1h' };
  serve({
    default: { urls: [{ url: one.url }, { url: two.url, weight: 2 }, { url: idle.url, weight: 0 }], health, failover: 'spare' },
    spare: { url: spare.url, health },
  });
  await until('target up', spare);
  await until('target up', idle);
  t.same(await answers(), ['one', 'two']);
  for (const target of [one, two]) {
    target.checked = 503;
    await until('target down', target);
  }
  t.same(await answers(), ['spare']);
  spare.checked = 503;
  await until('target down', spare);
  const before = one.requests + two.requests;
  t.same(await answers(1), ['two'], 'chance 0.5 of the weights 1 and 2');
  t.equal(one.requests + two.requests, before + 1, 'health is ignored');
  await one.close();
  await two.close();
  t.same(await answers(1), ['spare'], 'the others are tried when one fails');
  await one.open();
  await two.open();
});

t.test('a check without a path needs a connection; a failed request has the URL checked soon', async (t) => {
  const [one, two] = (await targets(t, 'one', 'two')) as [RealTarget, RealTarget];
  const { serve, ask, answers, until, clock } = await gateway(t);
  serve({ default: { urls: [{ url: one.url }, { url: two.url }], health: { interval: '1h', fall: 1, timeout: '10h' } } });
  await until('target up', one);
  await until('target up', two);
  t.equal(one.checks.length, 0, 'nothing is requested');
  await one.close();
  for (let sent = 0; sent < 2; sent++) t.equal((await ask()).by, 'two');
  t.match(await until('target down', one), { failure: 'refused' });
  t.ok(clock.now() < 60_000, 'long before the next check was due');
  t.same(await answers(), ['two']);
  await one.open();
  await clock.pass(400_000 * 12);
  await until('target up', one, 2);
  t.same(await answers(), ['one', 'two']);
});

t.test('requests that wait for a URL which turns out to hang are sent to another one', async (t) => {
  const [one, two] = (await targets(t, 'one', 'two')) as [RealTarget, RealTarget];
  const { serve, ask, answers, until } = await gateway(t);
  serve({ default: { urls: [{ url: one.url }, { url: two.url }], health: { path: '/', interval: '5s', timeout: '1s', fall: 2 } } });
  await until('target up', one);
  await until('target up', two);
  one.hangs = true;
  const waiting = [ask(), ask()];
  await eventually(
    () => one.requests,
    (count) => count === 1,
  );
  t.match(await until('target down', one), { failure: 'hung' });
  t.same(await Promise.all(waiting), [
    { status: 200, by: 'two' },
    { status: 200, by: 'two' },
  ]);
  t.same(await answers(), ['two']);
});

t.test('checks of https URLs verify the certificate, with the settings of the target', async (t) => {
  const made = new CertificateFolder(t);
  const own = textsOf(made.issue({ names: ['127.0.0.1'] }));
  const target = new RealTarget('secure', (listener) => createSecureServer({ cert: own.cert, key: own.key }, listener));
  await target.open();
  t.teardown(() => target.close());
  const url = `https://127.0.0.1:${target.port}`;
  const { serve, until, ask } = await gateway(t);
  serve({ default: { url, health: { path: '/', fall: 1, timeout: '1h' } } });
  t.match(await until('target down', target), { reason: /certificate/ });
  serve({ default: { url, health: { path: '/', fall: 1, timeout: '1h', host: 'shop.test' }, tls: { ca: textsOf(made.root).cert } } });
  await until('target up', target);
  t.same(target.checks[0], { path: '/', host: 'shop.test' });
  t.same(await ask(), { status: 200, by: 'secure' });
});

t.test('addresses that targets must not have are not checked either', async (t) => {
  const [one] = (await targets(t, 'one')) as [RealTarget];
  const { serve, until } = await gateway(t, ['loopback']);
  serve({ default: { url: one.url, health: { path: '/', fall: 1, timeout: '1h' } } });
  t.match(await until('target down', one), { reason: /denied on this gateway server/ });
  t.equal(one.checks.length, 0);
});

t.test('a URL whose requests fail in a row is ejected for a while', async (t) => {
  const [one, two] = (await targets(t, 'one', 'two')) as [RealTarget, RealTarget];
  const { serve, ask, answers, up, metrics, lines, clock } = await gateway(t);
  const outlier = { consecutiveFailures: 2, baseEjection: '10s', maxEjectedPercent: 50 };
  const urls = [{ url: one.url }, { url: two.url }];
  serve({ default: { urls, outlier } });
  one.status = 500;
  for (let sent = 0; sent < 4; sent++) await ask();
  t.match(
    lines.filter(({ msg }) => msg.startsWith('target ejected')),
    [{ target: 'default', upstream: `127.0.0.1:${one.port}`, lastsMs: 10_000, failure: 'status', reason: 'status 500' }],
  );
  t.same(await answers(), ['two']);
  t.same(up(), { [`127.0.0.1:${one.port}`]: '0', [`127.0.0.1:${two.port}`]: '1' });
  t.match(metrics(), /sluice_target_ejections_total\{[^}]*reason="status"[^}]*\} 1/);
  two.status = 500;
  for (let sent = 0; sent < 6; sent++) await ask();
  t.equal(up()[`127.0.0.1:${two.port}`], '1', 'half of the URLs are ejected already');
  two.status = 200;
  await ask();

  serve({ default: { urls, outlier: { ...outlier, consecutiveFailures: 1 } } });
  t.same(await answers(), ['two'], 'the ejection outlives the revision');
  await clock.pass(10_000);
  const before = one.requests;
  t.same(await answers(), ['one', 'two']);
  t.equal(one.requests, before + 1, 'one failure is enough now');
  t.equal(lines.filter(({ msg }) => msg.startsWith('target ejected')).at(-1)?.['lastsMs'], 20_000, 'the second ejection lasts longer');
  serve({ default: { urls } });
  for (let sent = 0; sent < 8; sent++) await ask();
  t.ok(one.requests > before + 2, 'without the settings no URL is ejected');
});

t.test('a lone URL is ejected only if all may be, and then its failover target gets the requests', async (t) => {
  const [one, spare] = (await targets(t, 'one', 'spare')) as [RealTarget, RealTarget];
  const { serve, answers } = await gateway(t);
  const serveWith = (maxEjectedPercent: number) =>
    serve({
      default: { url: one.url, failover: 'spare', outlier: { consecutiveFailures: 1, maxEjectedPercent } },
      spare: { url: spare.url },
    });
  one.status = 503;
  serveWith(50);
  t.same(await answers(), ['one']);
  serveWith(100);
  t.same(await answers(1), ['one']);
  t.same(await answers(), ['spare']);
});

t.test('settings are checked', async (t) => {
  const faults = (target: object) =>
    projectSchema
      .safeParse({ name: 'p', basePath: '/p', targets: { default: { url: 'http://a.test', ...target } } })
      .error?.issues.map(({ path, message }) => `${path.slice(2).join('.')}: ${message}`) ?? [];
  t.same(faults({ health: {}, outlier: {} }), []);
  t.same(faults({ health: { path: 'healthz' } }), [
    'health.path: must start with / and have no spaces, or be empty for a TCP connection only',
  ]);
  t.same(faults({ health: { interval: 0 } }), ['health.interval: must be more than 0']);
  t.same(faults({ health: { timeout: '0s' } }), ['health.timeout: must be more than 0']);
  t.match(faults({ health: { interval: 'soon' } }), [/^health\.interval: must be a time/]);
  t.match(faults({ health: { expect: 'fine' } }), [/^health\.expect: must be statuses/]);
  t.match(faults({ outlier: { maxEjectedPercent: 101 } }), [/^outlier\.maxEjectedPercent: /]);
  const written = { interval: '5s', path: '/x' };
  const once = projectSchema.parse({ name: 'p', basePath: '/p', targets: { default: { url: 'http://a.test', health: written } } });
  t.same(once.targets['default']?.health, written, 'kept as written');
});
