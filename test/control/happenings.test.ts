import { test } from 'tap';
import type { ServerAnswer } from '../../src/api/answers.ts';
import {
  deploymentHappenings,
  environmentHappenings,
  projectHappenings,
  serverHappenings,
  type Wanted,
} from '../../src/control/feed/happenings.ts';
import { rejected, server, two } from './sample-server.ts';

test('what happened to a server, and why', async (t) => {
  const told = (before: Partial<ServerAnswer> | undefined, after: Partial<ServerAnswer>) =>
    serverHappenings(1, before && { ...server, ...before }, { ...server, ...after }).map(({ text, cause }) =>
      [text, ...(cause ? [cause] : [])].join(': '),
    );
  t.same(told(undefined, { environment: null }), ['joined the available servers: started at 127.0.0.1:1']);
  t.same(told({ environment: null, state: 'available', running: null }, { state: 'joining', running: null }), [
    'added to production: was available',
  ]);
  t.same(told({ state: 'joining', running: null }, {}), ['ready in production: runs version 1']);
  t.same(told({}, { state: 'draining', movingTo: null }), ['draining in production: on its way out of the environment']);
  t.same(told({}, { environment: null, state: 'available', running: null }), ['left production: removed and drained']);
  t.same(told({}, { environment: 'dev', running: null, state: 'joining' }), ['added to dev: drained in production first']);
  t.same(told({}, { state: 'lost' }), ['lost: its lease ended without a word']);
  t.same(told({}, { projects: [rejected] }), ['rejected echo: no such policy']);
  t.same(told({ projects: [rejected] }, { projects: [rejected] }), [], 'once');
  t.same(told({}, { running: two }), ['runs version 2 of production']);
  t.same(told({}, { weight: 5 }), ['weight 1 → 5']);
  t.same(told({ state: 'draining' }, {}), ['takes requests again']);
  t.same(told({}, { instance: 'j' }), ['started anew: at 127.0.0.1:1']);
  t.same(told({}, { health: 'down', reason: 'refused' }), ['down: refused']);
  t.same(told({}, { health: 'ejected' }), ['ejected: too many failures in a row']);
  t.same(told({ health: 'down' }, {}), ['healthy: its checks pass']);
  t.same(told({}, { health: 'unknown' }), []);
  const gone = (before: Partial<ServerAnswer>) => serverHappenings(1, { ...server, ...before }, undefined);
  t.match(gone({}), [{ text: 'left production', cause: 'it stopped', environment: 'production' }]);
  t.match(gone({ environment: null, state: 'lost' }), [{ text: 'left the available servers', cause: /lost/ }]);
});

test('what happened to deployments, environments and projects', async (t) => {
  const at = (version: number, ...revisions: [string, number][]): Wanted => ({
    environment: 'production',
    version,
    revisions: new Map(revisions),
  });
  const texts = (before: Wanted, after: Wanted) => deploymentHappenings(1, before, after).map(({ text }) => text);
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
