import { test } from 'tap';
import type { ServerAnswer } from '../../src/api/answers.ts';
import { describeRejected, runningState } from '../../src/dashboard/projects/deployment-summary.ts';
import { runningPlaces } from '../../src/dashboard/projects/running-places.ts';
import { deployments, servers } from '../../src/dashboard/state/state.ts';
import { one, server } from '../control/sample-server.ts';

const deployment = { project: 'echo', revision: 2, basePath: '/echo' };
const active = { name: 'echo', revision: 2, state: 'active' as const };
const rejected = (revision: number) => ({ name: 'echo', revision, state: 'rejected' as const, error: 'no such policy' });
const runs = (project: ServerAnswer['projects'][number], more: Partial<ServerAnswer> = {}) => ({ ...more, projects: [project] });

/** What the page says of a project that these servers of production run. */
function told(...members: readonly Partial<ServerAnswer>[]) {
  deployments.value = { production: { ...one, environment: 'production', deployments: [deployment] } };
  servers.value = new Map(members.map((more, index) => [`s${index}`, { ...server, id: `s${index}`, ...more }]));
  const places = runningPlaces([{ environment: 'production', deployment }]);
  const notes = [...places].map(([revision, [place]]) => `${revision}: ${place?.note || 'everywhere'}`);
  const { rejection, instead } = describeRejected(runningState('production', deployment)) ?? {};
  return [...(rejection === undefined ? [] : [rejection, instead]), ...notes];
}

test('what runs is what servers report, not what was deployed', async (t) => {
  const unreported = { source: 'static', running: null, projects: [] } as const;
  for (const [members, expected] of [
    [[], ['2: no servers']],
    [[runs(active), runs(active)], ['2: everywhere']],
    [[runs(active), unreported], ['2: everywhere']],
    [[unreported], ['2: everywhere']],
    [[runs(active), { projects: [], running: null }], ['2: on 1 of 2']],
    [
      [runs(rejected(1)), runs(rejected(1))],
      ['rejected by 2 of 2', 'revision 1 runs there', '2: rejected by 2 of 2', '1: on 2 of 2 instead'],
    ],
    [
      [runs(rejected(1)), runs(active), unreported],
      ['rejected by 1 of 2', 'revision 1 runs there', '2: rejected by 1 of 2', '1: on 1 of 2 instead'],
    ],
    [[runs(rejected(0))], ['rejected by 1 of 1', 'nothing runs there', '2: rejected by 1 of 1']],
    [
      [runs(rejected(1)), runs(rejected(0))],
      ['rejected by 2 of 2', 'revision 1 or nothing runs there', '2: rejected by 2 of 2', '1: on 1 of 2 instead'],
    ],
    [[runs(rejected(1), { state: 'lost' }), runs(active)], ['2: everywhere']],
    [[runs(rejected(1), { movingTo: null }), runs(active)], ['2: everywhere']],
  ] as [Partial<ServerAnswer>[], string[]][]) {
    t.same(told(...members), expected, JSON.stringify(expected));
  }
});
