import t from 'tap';
import { LocalDataPlane } from '../../src/balancer/local-data-plane.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { FakeExchange } from '../tools/fake-exchange.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { seeded } from '../tools/seeded-random.ts';
import { server, table } from './tables.ts';

const listen = '127.0.0.1:0';

function setUp() {
  const { logger, lines } = keptLogger();
  const dataPlane = new LocalDataPlane({
    clock: new FakeClock(),
    logger,
    random: seeded(),
    suspect: () => {},
    report: () => {},
    open: () => Promise.reject(new Error('no listener in this test')),
  });
  const request = (path: string, host = 'api.example.com') => {
    const exchange = new FakeExchange('GET', path);
    exchange.request.authority = host;
    dataPlane.request(exchange);
    return exchange;
  };
  return { dataPlane, lines, request };
}

t.test('each request goes to the environment of its host', async (t) => {
  const { dataPlane, request } = setUp();
  dataPlane.apply(table([server('a')], { listen, hosts: ['api.example.com'] }, 'production'));
  dataPlane.apply(table([server('b')], { listen }, 'development'));
  dataPlane.apply(table([server('c')], { listen: '127.0.0.1:1' }, 'elsewhere'));
  t.equal(request('/').route, dataPlane.route('production'));
  t.equal(request('/', 'other.example').route, dataPlane.route('development'));
  dataPlane.remove('development');
  t.match(request('/', 'other.example').failure, { status: 404, code: 'no-environment' });
  t.equal(request('/').route, dataPlane.route('production'));
});

t.test('reserved paths are not forwarded', async (t) => {
  const { dataPlane, request } = setUp();
  dataPlane.apply(table([server('a')], { listen }));
  t.match(request('/.sluice/ready').failure, { status: 404, code: 'not-found' });
  t.equal(request('/.sluice/ready').route, undefined);
  t.ok(request('/.sluices').route);
});

t.test('a route stays the same object while its environment changes', async (t) => {
  const { dataPlane } = setUp();
  dataPlane.apply(table([server('a')], { listen }));
  const route = dataPlane.route('production');
  dataPlane.apply(table([server('a'), server('b')], { listen, hosts: ['new.example'], exposeServer: true, timeouts: { total: '3s' } }));
  t.equal(dataPlane.route('production'), route);
  t.match(route?.settings, { exposeServer: true, timeouts: { total: 3000 } });
});

t.test('a new environment takes no traffic from an earlier one, and the conflict is logged once', async (t) => {
  const { dataPlane, request, lines } = setUp();
  dataPlane.apply(table([server('a')], { listen }, 'production'));
  dataPlane.apply(table([server('b')], { listen }, 'development'));
  t.equal(request('/').route, dataPlane.route('production'));
  dataPlane.apply(table([server('c')], { listen, hosts: ['x.example'] }, 'third'));
  t.equal(lines.filter(({ msg }) => /development gets no requests until it is given hosts/.test(msg)).length, 1);
  dataPlane.remove('production');
  t.equal(request('/').route, dataPlane.route('development'));
});

t.test('servers of all environments are listed', async (t) => {
  const { dataPlane } = setUp();
  dataPlane.apply(table([server('a'), server('b', { health: 'down' })], { listen }, 'production'));
  dataPlane.apply(table([server('a')], { listen }, 'development'));
  t.strictSame(
    [...dataPlane.servers()].map(({ environment, id, health }) => `${environment}/${id} ${health}`),
    ['production/a up', 'production/b down', 'development/a up'],
  );
});
