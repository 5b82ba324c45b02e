import { test } from 'tap';
import type { ServerAnswer } from '../../src/api/answers.ts';
import {
  type DeployedRevisions,
  deploymentHappenings,
  environmentHappenings,
  projectHappenings,
  registryHappening,
  serverHappenings,
} from '../../src/control/feed/happenings.ts';
import { RoomWatch } from '../../src/control/feed/room-watch.ts';
import { noListenerCounts } from '../../src/model/counts.ts';
import { rejected, server, two } from './sample-server.ts';

test('changes of a server become happenings with a cause', async (t) => {
  const described = (before: Partial<ServerAnswer> | undefined, after: Partial<ServerAnswer>) =>
    serverHappenings(1, before && { ...server, ...before }, { ...server, ...after }).map(({ text, cause }) =>
      [text, ...(cause ? [cause] : [])].join(': '),
    );
  t.same(described(undefined, { environment: null }), ['joined the available servers: started at 127.0.0.1:1']);
  t.same(described({ environment: null, state: 'available', running: null }, { state: 'joining', running: null }), [
    'added to production: was available',
  ]);
  t.same(described({ state: 'joining', running: null }, {}), ['ready in production: runs version 1']);
  t.same(described({}, { state: 'draining', movingTo: null }), ['draining in production: it is being removed from the environment']);
  t.same(described({}, { environment: null, state: 'available', running: null }), ['left production: removed and drained']);
  t.same(described({}, { environment: 'dev', running: null, state: 'joining' }), ['added to dev: drained in production first']);
  t.same(described({}, { state: 'lost' }), ['lost: its lease expired']);
  t.same(described({}, { leaseEndedAt: 1, reason: 'its lease ended' }), ['does not renew its lease: its lease ended']);
  t.same(described({ leaseEndedAt: 1 }, {}), ['renews its lease again']);
  t.same(described({ leaseEndedAt: 1 }, { state: 'lost' }), ['lost: its lease expired'], 'not renewed');
  t.same(described({}, { projects: [rejected] }), ['rejected echo: no such policy']);
  t.same(described({ projects: [rejected] }, { projects: [rejected] }), [], 'once');
  t.same(described({}, { running: two }), ['runs version 2 of production']);
  t.same(described({}, { weight: 5 }), ['weight 1 → 5']);
  t.same(described({ state: 'draining' }, {}), ['takes requests again']);
  t.same(described({}, { instance: 'j' }), ['restarted: new instance at 127.0.0.1:1']);
  t.same(described({}, { health: 'down', reason: 'refused' }), ['down: refused']);
  t.same(described({}, { health: 'ejected' }), ['ejected: too many failures in a row']);
  t.same(described({ health: 'down' }, {}), ['healthy: its health checks pass']);
  t.same(described({}, { health: 'unknown' }), []);
  const gone = (before: Partial<ServerAnswer>) => serverHappenings(1, { ...server, ...before }, undefined);
  t.match(gone({}), [{ text: 'left production', cause: 'it stopped', environment: 'production' }]);
  t.match(gone({ environment: null, state: 'lost' }), [{ text: 'left the available servers', cause: /lost/ }]);
});

test('changes of the connection to the registry become happenings', async (t) => {
  const [up, down, refusing] = [{ up: true }, { up: false }, { up: true, refuses: 'OOM: more memory' }];
  t.match(registryHappening(1, up, refusing), { tone: 'bad', subject: 'registry', text: 'refuses writes', cause: 'OOM: more memory' });
  t.match(registryHappening(1, refusing, up), { tone: 'good', text: 'takes writes again' });
  t.match(registryHappening(1, refusing, down), { tone: 'bad', text: 'does not answer' });
  t.match(registryHappening(1, down, up), { tone: 'good', text: 'answers again' });
});

test('changes of deployments, environments and projects become happenings', async (t) => {
  const at = (version: number, ...revisions: [string, number][]): DeployedRevisions => ({
    environment: 'production',
    version,
    revisions: new Map(revisions),
  });
  const texts = (before: DeployedRevisions, after: DeployedRevisions) => deploymentHappenings(1, before, after).map(({ text }) => text);
  t.same(texts(at(1, ['x', 1], ['y', 1]), at(2, ['x', 2], ['z', 3])), ['x revision 1 → 2', 'z revision 3 deployed', 'y undeployed']);
  t.same(texts(at(1), at(2)), ['variables changed']);
  t.same(texts(at(1), at(1)), []);
  const settings = (...names: [string, string][]) => new Map(names);
  t.same(
    environmentHappenings(1, settings(['a', '1'], ['b', '1'], ['c', '1']), settings(['b', '1'], ['c', '2'], ['d', '1'])).map(
      ({ subject, text }) => `${subject} ${text}`,
    ),
    ['c settings changed', 'd environment created', 'a environment deleted'],
  );
  t.match(
    projectHappenings(
      1,
      new Map([['x', 1]]),
      new Map([
        ['x', 2],
        ['y', 1],
      ]),
    ),
    [
      { subject: 'x', text: 'revision 2 pushed' },
      { subject: 'y', text: 'revision 1 pushed' },
    ],
  );
  t.same(projectHappenings(1, new Map([['x', 2]]), new Map([['x', 2]])), []);
});

test('a listener without room becomes a happening, once a minute', async (t) => {
  const watch = new RoomWatch();
  const listener = { ...noListenerCounts, listen: '127.0.0.1:1', connections: 9, limit: 10 };
  const told = (at: number, counts: { closedForRoom: number; refused: number }) =>
    watch.take(at, [{ ...listener, ...counts }]).map(({ tone, subject, text }) => `${tone} ${subject} ${text}`);
  t.same(told(0, { closedForRoom: 0, refused: 0 }), []);
  t.same(told(1000, { closedForRoom: 3, refused: 0 }), ['warn 127.0.0.1:1 closes idle connections to make room']);
  t.same(told(2000, { closedForRoom: 9, refused: 1 }), [], 'not again within a minute');
  t.same(told(62_000, { closedForRoom: 9, refused: 1 }), [], 'nothing new');
  t.same(told(63_000, { closedForRoom: 9, refused: 2 }), ['bad 127.0.0.1:1 refuses connections']);
  t.same(watch.take(200_000, []), []);
});
