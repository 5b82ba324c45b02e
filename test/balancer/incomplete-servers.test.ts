import { test } from 'tap';
import { incompleteServers, type ReportingServer } from '../../src/balancer/incomplete-servers.ts';
import fc from '../tools/fast-check.ts';

/** @param report `shop@2 pay!` serves revision 2 of shop and no revision of pay */
function server(id: string, report: string, usable = true): ReportingServer {
  const projects = report
    .split(' ')
    .filter(Boolean)
    .map((text) => {
      const [name = '', revision] = text.split('@');
      return revision === undefined
        ? { name: name.replace('!', ''), revision: 0, state: 'rejected' as const }
        : { name, revision: Number(revision), state: 'active' as const };
    });
  return { record: { id, projects }, usable };
}

const found = (...servers: ReportingServer[]) => Object.fromEntries(incompleteServers(servers));

test('a server is incomplete if it serves no revision of what a usable server serves', async (t) => {
  t.same(found(server('a', 'shop@1 pay@1'), server('b', 'shop! pay@1')), { b: ['shop'] });
  t.same(found(server('a', 'shop@1 pay@1'), server('b', 'shop! pay!'), server('c', 'shop! pay@2')), { b: ['shop', 'pay'], c: ['shop'] });
  t.same(found(server('a', 'shop!'), server('b', 'shop!')), {}, 'what no server serves keeps none out');
  t.same(found(server('a', 'shop@1', false), server('b', 'shop!')), {}, 'the better one must be able to take requests');
  t.same(found(server('a', 'shop@1 pay!'), server('b', 'shop! pay@1')), {}, 'neither is better');
  t.same(found(server('a', ''), server('b', 'shop!')), {}, 'a server that is not yet at that snapshot is not better');
});

test('whatever the servers report, a usable one is left', async () => {
  const report = fc.array(fc.constantFrom('a!', 'a@1', 'b!', 'b@1', 'c!', 'c@1'), { maxLength: 4 }).map((parts) => parts.join(' '));
  fc.assert(
    fc.property(fc.array(fc.tuple(report, fc.boolean()), { minLength: 1, maxLength: 6 }), (given) => {
      const servers = given.map(([text, usable], index) => server(`${index}`, text, usable));
      const out = incompleteServers(servers);
      return out.size === 0 || servers.some(({ record, usable }) => usable && !out.has(record.id));
    }),
    { numRuns: 2000 },
  );
});
