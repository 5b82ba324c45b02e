import t from 'tap';
import { withKnownServers } from '../../../src/balancer/workers/known-servers.ts';
import { MessageOrder } from '../../../src/balancer/workers/message-order.ts';
import type { ToWorker } from '../../../src/balancer/workers/messages.ts';
import { atOnce } from '../../../src/model/pieces.ts';
import { settle } from '../../tools/fake-clock.ts';
import { server, table } from '../tables.ts';

const apply = (name: string, port: number): ToWorker => ({ kind: 'apply', table: table([], { listen: `127.0.0.1:${port}` }, name) });
const text = (message: ToWorker) => {
  if (message.kind === 'apply') return `${message.table.name} ${message.table.spec.listen.split(':')[1]}`;
  return message.kind === 'remove' ? `remove ${message.name}` : message.kind;
};

function setUp() {
  const done: string[] = [];
  const ends: (() => void)[] = [];
  const handles: unknown[] = [];
  const order = new MessageOrder((message, handle) => {
    done.push(text(message));
    if (handle !== undefined) handles.push(handle);
    return message.kind === 'apply' ? new Promise((resolve) => ends.push(resolve)) : undefined;
  });
  const end = async () => {
    ends.shift()?.();
    await settle();
    return done.splice(0);
  };
  return { order, done, end, handles };
}

t.test('messages are carried out in their order, at once unless one before them takes turns', async (t) => {
  const { order, done, end, handles } = setUp();
  order.receive({ kind: 'reopen-log' }, undefined);
  t.strictSame(done.splice(0), ['reopen-log']);
  order.receive(apply('a', 1), undefined);
  order.receive({ kind: 'settle' }, undefined);
  order.receive(apply('b', 1), undefined);
  order.receive({ kind: 'reopen-log' }, { socket: 1 });
  t.strictSame(done.splice(0), ['a 1']);
  t.strictSame(await end(), ['settle', 'b 1']);
  t.strictSame(await end(), ['reopen-log']);
  t.strictSame(handles, [{ socket: 1 }]);
  order.receive({ kind: 'settle' }, undefined);
  t.strictSame(done, ['settle']);
});

t.test('of the tables of an environment that wait only the newest is kept, and a removal in between holds', async (t) => {
  const { order, done, end } = setUp();
  order.receive(apply('a', 1), undefined);
  for (const port of [2, 3, 4]) order.receive(apply('a', port), undefined);
  order.receive(apply('b', 1), undefined);
  order.receive(apply('a', 5), undefined);
  order.receive({ kind: 'remove', name: 'a' }, undefined);
  order.receive(apply('a', 6), undefined);
  order.receive(apply('b', 2), undefined);
  order.receive(apply('a', 7), undefined);
  t.strictSame(done.splice(0), ['a 1']);
  t.strictSame([await end(), await end(), await end(), await end()], [['a 5'], ['b 2'], ['remove a', 'a 7'], []]);
});

t.test('servers that have not changed are the objects that are known', async (t) => {
  const before = table([server('a', { tls: { serverName: 'a' } }), server('b'), server('c')]);
  const came = JSON.parse(JSON.stringify({ ...before, servers: [before.servers[0], { ...before.servers[1], weight: 2 }, server('d')] }));
  t.equal(atOnce(withKnownServers(came, undefined)), came);
  const { servers } = atOnce(withKnownServers(came, before));
  t.strictSame(servers, came.servers);
  t.strictSame(
    servers.map((one) => before.servers.includes(one)),
    [true, false, false],
  );
});
