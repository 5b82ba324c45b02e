import t from 'tap';
import { LocalDataPlane } from '../../src/balancer/local-data-plane.ts';
import { seeded } from '../balance/candidates.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { FakeExchange } from '../tools/fake-exchange.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { server, table } from './tables.ts';

const listen = '127.0.0.1:0';

function setUp() {
  const { logger, lines } = keptLogger();
  const traffic = new LocalDataPlane({
    clock: new FakeClock(),
    logger,
    random: seeded(),
    suspect: () => {},
    report: () => {},
    open: () => Promise.reject(new Error('not here')),
  });
  const request = (path: string, host = 'api.example.com') => {
    const exchange = new FakeExchange('GET', path);
    exchange.request.authority = host;
    traffic.request(exchange);
    return exchange;
  };
  return { traffic, lines, request };
}

t.test('each request goes to the environment of its host', async (t) => {
  const { traffic, request } = setUp();
  traffic.apply(table([server('a')], { listen, hosts: ['api.example.com'] }, 'production'));
  traffic.apply(table([server('b')], { listen }, 'development'));
  traffic.apply(table([server('c')], { listen: '127.0.0.1:1' }, 'elsewhere'));
  t.equal(request('/').route, traffic.route('production'));
  t.equal(request('/', 'other.example').route, traffic.route('development'));
  traffic.remove('development');
  t.match(request('/', 'other.example').failure, { status: 404, code: 'no-environment' });
  t.equal(request('/').route, traffic.route('production'));
});

t.test("Sluice's own paths are not forwarded", async (t) => {
  const { traffic, request } = setUp();
  traffic.apply(table([server('a')], { listen }));
  t.match(request('/.sluice/ready').failure, { status: 404, code: 'not-found' });
  t.equal(request('/.sluice/ready').route, undefined);
  t.ok(request('/.sluices').route);
});

t.test('a route stays the same object while its environment changes', async (t) => {
  const { traffic } = setUp();
  traffic.apply(table([server('a')], { listen }));
  const route = traffic.route('production');
  traffic.apply(table([server('a'), server('b')], { listen, hosts: ['new.example'], exposeServer: true, timeouts: { total: '3s' } }));
  t.equal(traffic.route('production'), route);
  t.match(route?.settings, { exposeServer: true, timeouts: { total: 3000 } });
});

t.test("a newcomer takes nobody's traffic, and is told why, once", async (t) => {
  const { traffic, request, lines } = setUp();
  traffic.apply(table([server('a')], { listen }, 'production'));
  traffic.apply(table([server('b')], { listen }, 'development'));
  t.equal(request('/').route, traffic.route('production'));
  traffic.apply(table([server('c')], { listen, hosts: ['x.example'] }, 'third'));
  t.equal(lines.filter(({ msg }) => /development gets nothing until it has hosts/.test(msg)).length, 1);
  traffic.remove('production');
  t.equal(request('/').route, traffic.route('development'));
});

t.test('servers of all environments are seen', async (t) => {
  const { traffic } = setUp();
  traffic.apply(table([server('a'), server('b', { health: 'down' })], { listen }, 'production'));
  traffic.apply(table([server('a')], { listen }, 'development'));
  t.strictSame(
    traffic.servers().map(({ environment, id, health }) => `${environment}/${id} ${health}`),
    ['production/a up', 'production/b down', 'development/a up'],
  );
});
