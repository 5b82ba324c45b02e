import t from 'tap';
import { Ejections } from '../../src/balancer/ejections.ts';
import type { TableEnvironment, TableServer } from '../../src/balancer/table.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { server, table } from './tables.ts';

function setUp(environment: TableEnvironment) {
  const clock = new FakeClock();
  const { logger, lines } = keptLogger();
  const state = { changes: 0 };
  const ejections = new Ejections({ clock, logger }, () => {
    state.changes++;
  });
  const about = ({ id, instance, address }: TableServer) => ({ id, instance, address });
  const report = (id: string, more = {}) =>
    ejections.report(
      { environment: environment.name, ...about(server(id)), failure: 'status', reason: 'status 500', ...more },
      environment,
    );
  const out = (servers = environment.servers) =>
    servers.filter((each) => ejections.reason(environment.name, about(each)) !== undefined).map(({ id }) => id);
  return { clock, lines, state, ejections, report, out, about };
}

t.test('a reported server is ejected, longer each time, and both start and end are announced', async (t) => {
  const { clock, lines, state, report, out, ejections, about } = setUp(table([server('a'), server('b')]));
  report('a');
  t.strictSame(out(), ['a']);
  t.match(ejections.reason('production', about(server('a'))), /failures in a row.*status 500/);
  t.match(lines, [{ msg: 'server ejected: too many failures in a row', server: 'a', lastsMs: 30_000, reason: 'status 500' }]);
  report('a');
  report('a');
  t.equal(lines.length, 1, 'further reports change nothing');
  t.equal(state.changes, 1);
  await clock.pass(29_999);
  t.strictSame(out(), ['a']);
  await clock.pass(2);
  t.strictSame(out(), []);
  t.equal(state.changes, 2);
  report('a');
  await clock.pass(30_002);
  t.strictSame(out(), ['a'], 'twice as long the second time');
  await clock.pass(30_000);
  t.strictSame(out(), []);
  t.equal(clock.pending, 0);
});

t.test('never more servers than maxEjectedPercent allows', async (t) => {
  const { report, out } = setUp(table(['a', 'b', 'c', 'd'].map((id) => server(id))));
  for (const id of ['d', 'c', 'b', 'a']) report(id);
  t.strictSame(out(), ['c', 'd']);
});

t.test('a server that is not in rotation with the reported instance and address is not ejected', async (t) => {
  const { report, out } = setUp(table([server('a'), server('b'), server('c', { serving: false }), server('d')]));
  report('a', { instance: 'a-0' });
  report('b', { address: '127.0.0.1:1' });
  report('c');
  report('stranger');
  t.strictSame(out(), []);
});

t.test('a new instance is not ejected; removed servers are forgotten', async (t) => {
  const { clock, ejections, report, out, about } = setUp(table([server('a'), server('b'), server('c')]));
  report('a');
  t.strictSame(out([server('a', { instance: 'a-2' })]), []);
  ejections.follow('production', [server('a', { weight: 7 }), server('b')].map(about));
  t.strictSame(out(), ['a'], 'other settings change nothing');
  ejections.follow('production', [server('a', { instance: 'a-2' }), server('b')].map(about));
  t.strictSame(out(), []);
  t.equal(clock.pending, 0);
});
