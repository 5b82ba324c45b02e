import { test } from 'tap';
import type { DeploymentsAnswer, ServerAnswer } from '../../src/control/answers.ts';
import {
  deploymentHappenings,
  environmentHappenings,
  messageHappening,
  projectHappenings,
  serverHappenings,
} from '../../src/dashboard/events.ts';
import { compact, duration, percent, plural } from '../../src/dashboard/format.ts';
import { standingOf } from '../../src/dashboard/standing.ts';

const one = { epoch: 'e', version: 1, hash: 'one' };
const two = { epoch: 'e', version: 2, hash: 'two' };
const server: ServerAnswer = {
  id: 'a',
  instance: 'i',
  environment: 'production',
  address: '127.0.0.1:1',
  weight: 1,
  state: 'ready',
  health: 'up',
  source: 'join',
  version: '1',
  running: one,
  projects: [],
  active: 0,
  requests: 0,
  startedAt: 0,
  lastSeen: 0,
};
const rejected = { name: 'echo', revision: 1, state: 'rejected' as const, error: 'no such policy' };

test('how a server stands: the worst that is true of it, with its reason', async (t) => {
  for (const [more, word, reason] of [
    [{}, 'Ready', undefined],
    [{ running: two }, 'Behind', /runs v2, wanted is v1/],
    [{ running: two, health: 'down', reason: 'refused' }, 'Down', /refused/],
    [{ projects: [rejected] }, 'Rejecting', /echo: no such policy \(revision 1 goes on\)/],
    [{ health: 'ejected' }, 'Ejected', /failures/],
    [{ health: 'unknown' }, 'Checking', /first health check/],
    [{ state: 'joining', running: null }, 'Joining', /loading/],
    [{ state: 'draining', active: 3, movingTo: null }, 'Draining', /^3 in flight, then available$/],
    [{ state: 'draining', active: 0, movingTo: 'dev' }, 'Draining', /^nothing in flight, then to dev$/],
    [{ state: 'lost', health: 'down' }, 'Lost', /lease/],
    [{ state: 'available', environment: null, running: null }, 'Available', undefined],
  ] as [Partial<ServerAnswer>, string, RegExp | undefined][]) {
    const standing = standingOf({ ...server, ...more }, one);
    t.equal(standing.word, word);
    if (reason === undefined) t.equal(standing.reason, undefined);
    else t.match(standing.reason, reason);
  }
});

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
});

test('what happened elsewhere', async (t) => {
  const health = { type: 'health', at: 1, id: 'a', environment: 'production', was: 'up' } as const;
  t.match(messageHappening({ ...health, health: 'down', reason: 'refused' }), { tone: 'bad', text: 'down', cause: 'refused' });
  t.equal(messageHappening({ ...health, health: 'unknown' }), undefined);
  t.match(messageHappening({ type: 'gone', at: 1, id: 'a', environment: null }), { text: 'left the available servers' });
  const at = (version: number, ...deployed: [string, number][]): DeploymentsAnswer => ({
    ...one,
    version,
    environment: 'production',
    deployments: deployed.map(([project, revision]) => ({ project, revision, basePath: '/', servers: [] })),
    servers: [],
  });
  const texts = (before: DeploymentsAnswer, after: DeploymentsAnswer) => deploymentHappenings(1, before, after).map(({ text }) => text);
  t.same(texts(at(1, ['x', 1], ['y', 1]), at(2, ['x', 2], ['z', 3])), ['x revision 1 → 2', 'z revision 3 deployed', 'y undeployed']);
  t.same(texts(at(1), at(2)), ['variables changed']);
  t.same(texts(at(1), at(1)), []);
  t.same(
    environmentHappenings(1, ['a', 'b'], ['b', 'c']).map(({ subject, text }) => `${subject} ${text}`),
    ['c environment created', 'a environment deleted'],
  );
  const project = (latest: number) => [{ name: 'x', latest, revisions: [] }];
  t.match(projectHappenings(1, project(1), project(2)), [{ subject: 'x', text: 'revision 2 pushed' }]);
  t.same(projectHappenings(1, project(2), project(2)), []);
});

test('figures are short', async (t) => {
  t.same([0, 4.24, 99.96, 318.4, 9999, 12_345, 2.5e6].map(compact), ['0', '4.2', '100', '318', '9,999', '12.3k', '2.5M']);
  t.same([undefined, 0.4231, 18.26, 250.4, 1234].map(duration), ['–', '0.42 ms', '18.3 ms', '250 ms', '1.2 s']);
  t.same([0, 0.0004, 0.0123, 0.5, 1].map(percent), ['0%', '<0.1%', '1.2%', '50%', '100%']);
  t.same([plural(1, 'server'), plural(2, 'server')], ['1 server', '2 servers']);
});
