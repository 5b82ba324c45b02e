import { createServer } from 'node:http';
import net from 'node:net';
import t from 'tap';
import type { MemberRecord } from '../../src/balancer/members.ts';
import { ServerReports } from '../../src/balancer/server-reports.ts';
import type { LeasedServer } from '../../src/model/server.ts';
import { eventually } from '../tools/eventually.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { listening } from '../tools/listening.ts';

function member(id: string, address: string, more: Partial<LeasedServer> = {}, lost = false): [string, MemberRecord] {
  const record = { id, address, environment: 'production', source: 'join', running: { epoch: 'e', version: 1, hash: 'h' }, ...more };
  return [id, { record: record as LeasedServer, leaseEndsAt: 0, lost }];
}

t.test('ready servers are asked side by side; those that do not answer in time are named, and those that cannot answer', async (t) => {
  const clock = new FakeClock();
  const asked: (string | undefined)[] = [];
  const well = await listening(
    t,
    createServer((request, response) => {
      asked.push(`${request.headers.host} ${request.url}`);
      response.end('{}');
    }),
  );
  const older = await listening(
    t,
    createServer((_, response) => void response.writeHead(404).end()),
  );
  const cut = await listening(
    t,
    createServer((_, response) => void response.writeHead(200, { 'content-length': '9' }).write('{', () => response.destroy())),
  );
  const sockets = new Set<net.Socket>();
  const silent = await listening(
    t,
    net.createServer((socket) => void sockets.add(socket.on('error', () => {}))),
  );
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
  });
  const members = new Map([
    ...Array.from({ length: 40 }, (_, at) => member(`hung${String(at).padStart(2, '0')}`, silent)),
    member('well', well),
    member('older', older),
    member('cut', cut),
    member('refusing', '127.0.0.1:1'),
    member('program', well, { source: 'http' }),
    member('starting', well, { running: undefined } as object),
    member('draining', well, { draining: true }),
    member('elsewhere', well, { environment: 'other' }),
    member('lost', well, {}, true),
  ]);
  const reports = new ServerReports({
    members: () => members,
    credentials: () => undefined,
    isUp: (id) => !id.startsWith('hung'),
    clock,
  });
  const answers: string[] = [];
  const read = reports.read('production', '/.sluice/usage', async (id, answer) => void answers.push(`${id} ${answer}`));
  await eventually(
    async () => answers.length === 1 && sockets.size >= 28,
    (met) => met,
  );
  t.ok(sockets.size <= 32, `${sockets.size} at a time`);
  await clock.pass(1000);
  await eventually(
    async () => sockets.size === 40,
    (met) => met,
  );
  await clock.pass(1000);
  const { asked: count, silent: named, unsupported } = await read;
  t.same(answers, ['well {}']);
  t.same(asked, [`${well} /.sluice/usage`], 'no other server was asked');
  t.equal(count, 44);
  t.same(named, ['cut', ...[...members.keys()].filter((id) => id.startsWith('hung')), 'refusing']);
  t.same(unsupported, ['older', 'program']);
  for (const id of members.keys()) if (id !== 'well') members.delete(id);
  const failed = await reports.read('production', '/', async () => {
    throw new Error('no report');
  });
  t.same(failed, { asked: 1, silent: ['well'], unsupported: [] }, 'an answer that is no report counts as none');
});
