import { test } from 'tap';
import type { ServerAnswer } from '../../src/api/answers.ts';
import { compact, percent, plural, timeSpan } from '../../src/dashboard/state/format.ts';
import { describeStanding } from '../../src/dashboard/state/server-standing.ts';
import { one, rejected, server, two } from '../control/sample-server.ts';

test('a server shows the worst standing that applies, with its reason', async (t) => {
  for (const [more, word, reason] of [
    [{}, 'Ready', undefined],
    [{ running: two }, 'Behind', /runs v2 instead of v1/],
    [{ running: two, health: 'down', reason: 'refused' }, 'Down', /refused/],
    [{ projects: [rejected] }, 'Rejecting', /echo: no such policy \(revision 1 is still served\)/],
    [{ health: 'ejected' }, 'Ejected', /failures/],
    [{ health: 'unknown' }, 'Checking', /first health check/],
    [{ health: 'unknown', address: null, embedded: true, elsewhere: true }, 'Ready', undefined],
    [{ health: 'unknown', running: two }, 'Behind', /runs v2/],
    [{ running: { ...one, version: 3 } }, 'Behind', /runs v3 instead of v1/],
    [{ leaseEndedAt: 1, reason: 'its lease ended; it still answers', running: two }, 'Lease ended', /still answers/],
    [{ leaseEndedAt: 1, health: 'down', reason: 'refused' }, 'Down', /refused/],
    [{ state: 'joining', running: null }, 'Joining', /loading/],
    [{ state: 'lost', health: 'down' }, 'Lost', /lease/],
    [{ state: 'available', environment: null, running: null }, 'Available', undefined],
  ] as [Partial<ServerAnswer>, string, RegExp | undefined][]) {
    const standing = describeStanding({ ...server, ...more }, one);
    t.equal(standing.word, word);
    if (reason === undefined) t.equal(standing.reason, undefined);
    else t.match(standing.reason, reason);
  }
  const draining = { ...server, state: 'draining' } as const;
  t.equal(describeStanding({ ...draining, movingTo: null }, one, 3).reason, '3 in flight, then available');
  t.equal(describeStanding({ ...draining, movingTo: 'dev' }, one, 0).reason, 'nothing in flight, then to dev');
  t.equal(describeStanding(draining, one).reason, 'requests still in flight, gets no new requests', 'without a live feed');
});

test('figures are written in few characters', async (t) => {
  t.same([0, 4.24, 99.96, 318.4, 9999, 12_345, 2.5e6].map(compact), ['0', '4.2', '100', '318', '9,999', '12.3k', '2.5M']);
  t.same([undefined, 0.4231, 18.26, 250.4, 1234].map(timeSpan), ['–', '0.42 ms', '18.3 ms', '250 ms', '1.2 s']);
  t.same([0, 0.0004, 0.0123, 0.5, 1].map(percent), ['0%', '<0.1%', '1.2%', '50%', '100%']);
  t.same([plural(1, 'server'), plural(2, 'server')], ['1 server', '2 servers']);
});
