import t from 'tap';
import { SelfSignedCertificates } from '../../src/acme/self-signed-certificates.ts';
import { Listeners } from '../../src/balancer/listeners.ts';
import { noListenerCounts } from '../../src/model/counts.ts';
import type { Listener, ListenerSettings } from '../../src/proxy/contract.ts';
import { CertificateStore } from '../../src/tls/certificate-store.ts';
import { FakeClock, settle } from '../tools/fake-clock.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { table } from './tables.ts';

class FakeListener implements Listener {
  readonly address: string;
  readonly connections = 0;
  readonly limit = 0;
  readonly active = 0;
  readonly counts = noListenerCounts;
  settings: ListenerSettings;
  lameDuck = false;
  closedWith: number | undefined;
  finish = () => {};

  constructor(address: string, settings: ListenerSettings) {
    this.address = address.replace(/:0$/, ':45678');
    this.settings = settings;
  }

  update(settings: ListenerSettings): void {
    this.settings = settings;
  }

  close(graceMs: number): Promise<void> {
    this.closedWith = graceMs;
    return new Promise((resolve) => {
      this.finish = resolve;
    });
  }
}

function setUp() {
  const clock = new FakeClock();
  const { logger, lines } = keptLogger();
  const opened: FakeListener[] = [];
  /** Addresses that another program listens on. */
  const taken = new Set<string>();
  const open = async (address: string, settings: ListenerSettings) => {
    if (taken.has(address)) throw Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE' });
    const listener = new FakeListener(address, settings);
    opened.push(listener);
    return listener;
  };
  const listeners = new Listeners({
    open,
    clock,
    logger,
    random: () => 0.5,
    graceMs: 1234,
    certificates: new CertificateStore('/', clock, logger),
    tickets: { octets: Buffer.alloc(32) },
    issued: new SelfSignedCertificates(clock, logger),
  });
  return { clock, lines, opened, taken, listeners };
}

t.test('environments share a listener by naming the same address', async (t) => {
  const { listeners, opened } = setUp();
  t.strictSame(
    await listeners.follow([
      table(
        [],
        {
          listen: '127.0.0.1:0',
          hosts: ['a.example'],
          timeouts: { clientIdle: '5s' },
          limits: { headerBytes: 2048, bodyRate: 100 },
          trustedProxies: ['10.0.0.0/8'],
        },
        'one',
      ),
      table(
        [],
        { listen: '127.0.0.1:0', timeouts: { requestHead: 0 }, limits: { headerBytes: 4096 }, trustedProxies: ['10.0.0.0/8', '::1'] },
        'two',
      ),
      table([], { listen: '127.0.0.1:9' }, 'three'),
    ]),
    [],
  );
  t.strictSame(
    opened.map(({ address }) => address),
    ['127.0.0.1:45678', '127.0.0.1:9'],
  );
  t.strictSame(opened[0]?.settings, {
    headerBytes: 4096,
    bodyRate: 100,
    timeouts: { requestHead: 0, requestBody: 20_000, clientIdle: 75_000 },
    underscores: 'drop',
    connections: 'auto',
    trustedProxies: ['10.0.0.0/8', '::1'],
    proxyProtocol: [],
  });
  t.equal(listeners.address('one'), '127.0.0.1:45678');
  t.equal(listeners.address('two'), '127.0.0.1:45678');
  t.equal(listeners.address('unknown'), undefined);
  t.notOk(listeners.unopened);
});

t.test('changed settings reach the open listener; other listeners are left alone', async (t) => {
  const { listeners, opened } = setUp();
  const other = table([], { listen: '127.0.0.1:9' }, 'other');
  await listeners.follow([table([]), other]);
  await listeners.follow([table([], { timeouts: { clientIdle: '1s' } }), other]);
  t.equal(opened.length, 2);
  t.equal(opened[0]?.settings.timeouts.clientIdle, 1000);
  t.equal(opened[1]?.settings.timeouts.clientIdle, 75_000);
});

t.test('a listener that no environment names any more is drained', async (t) => {
  const { listeners, opened } = setUp();
  await listeners.follow([table([]), table([], { listen: '127.0.0.1:9' }, 'other')]);
  await listeners.follow([table([])]);
  t.match(opened[1], { closedWith: 1234 });
  t.match(opened[0], { closedWith: undefined });
  await listeners.follow([table([]), table([], { listen: '127.0.0.1:9' }, 'other')]);
  t.equal(opened.length, 3, 'opened again when it is named again');
});

t.test('a listener and its redirect can both ask for a free port of the same address', async (t) => {
  const { listeners, opened } = setUp();
  const here = (tls: object) => table([], { listen: '127.0.0.1:0', hosts: ['a.example'], tls: { acme: {}, ...tls } });
  t.strictSame(await listeners.follow([here({ redirectFrom: '127.0.0.1:0' })]), []);
  t.equal(opened.length, 2);
  t.match(opened[0]?.settings, { tls: { certificates: [{ names: ['a.example'] }] }, redirectPort: undefined });
  t.match(opened[1]?.settings, { tls: undefined, redirectPort: 45678 });
  await listeners.follow([here({})]);
  t.strictSame([opened.length, opened[0]?.closedWith, opened[1]?.closedWith], [2, undefined, 1234]);
});

t.test('a taken address is reported with its remedy and retried; other listeners open', async (t) => {
  const { clock, lines, listeners, opened, taken } = setUp();
  taken.add('127.0.0.1:8080');
  const failures = await listeners.follow([table([]), table([], { listen: '127.0.0.1:9' }, 'other')]);
  t.match(failures, [
    {
      code: 'unavailable',
      message:
        'cannot listen on 127.0.0.1:8080 for environment production: another program listens there: stop it or choose another address',
    },
  ]);
  t.equal(listeners.address('other'), '127.0.0.1:9');
  t.equal(listeners.address('production'), undefined);
  t.ok(listeners.unopened);
  await clock.pass(10_000);
  t.equal(lines.filter(({ level }) => level >= 50).length, 1, 'logged once');
  taken.clear();
  await clock.pass(2_000);
  t.equal(listeners.address('production'), '127.0.0.1:8080');
  t.notOk(listeners.unopened);
  t.equal(opened.length, 2);
  t.equal(clock.pending, 0);
});

t.test('an environment keeps its listener until its new one is open', async (t) => {
  const { clock, listeners, opened, taken } = setUp();
  await listeners.follow([table([])]);
  taken.add('127.0.0.1:9');
  t.match(await listeners.follow([table([], { listen: '127.0.0.1:9' })]), [{ code: 'unavailable' }]);
  t.match(opened, [{ address: '127.0.0.1:8080', closedWith: undefined }]);
  t.equal(listeners.address('production'), '127.0.0.1:8080');
  taken.clear();
  await clock.pass(3_000);
  t.match(opened, [{ closedWith: 1234 }, { address: '127.0.0.1:9', closedWith: undefined }]);
  t.equal(listeners.address('production'), '127.0.0.1:9');
});

t.test('a listener is reserved before a change names it', async (t) => {
  const { clock, listeners, opened, taken } = setUp();
  await listeners.follow([table([])]);
  taken.add('127.0.0.1:9');
  await t.rejects(listeners.reserve('127.0.0.1:9'), { code: 'unavailable', message: /127\.0\.0\.1:9.*another program listens there/ });
  await clock.pass(10_000);
  t.match(opened, [{ closedWith: undefined }]);
  taken.clear();
  const refused = await listeners.reserve('127.0.0.1:9');
  refused(false);
  t.match(opened, [{}, { closedWith: 1234 }], 'closed at once if the change was refused');
  const made = await listeners.reserve('127.0.0.1:9');
  await listeners.follow([table([], { listen: '127.0.0.1:9' })]);
  made(true);
  await clock.pass(20_000);
  t.match(opened, [{ closedWith: 1234 }, {}, { address: '127.0.0.1:9', closedWith: undefined }], 'taken over, not opened twice');
  const unused = await listeners.reserve('127.0.0.1:10');
  unused(true);
  await clock.pass(20_000);
  t.match(opened[3], { closedWith: 1234 }, 'closed if no environment ever names it');
  t.equal(clock.pending, 0);
});

t.test('an address that is no longer named is not retried, and closed if it opens late', async (t) => {
  const { clock, listeners, opened, taken } = setUp();
  taken.add('127.0.0.1:8080');
  await listeners.follow([table([])]);
  await listeners.follow([]);
  taken.clear();
  await clock.pass(10_000);
  t.equal(opened.length, 0);
  const opening = listeners.follow([table([])]);
  void listeners.follow([]);
  await opening;
  t.match(opened, [{ closedWith: 0 }], 'opened late, closed at once');
});

t.test('close resolves when the last listener has closed', async (t) => {
  const { listeners, opened } = setUp();
  await listeners.follow([table([]), table([], { listen: '127.0.0.1:9' }, 'other')]);
  let closed = false;
  const closing = listeners.close(500).then(() => {
    closed = true;
  });
  t.match(opened, [{ closedWith: 500 }, { closedWith: 500 }]);
  opened[0]?.finish();
  await settle();
  t.notOk(closed);
  opened[1]?.finish();
  await closing;
});
