import { test } from 'tap';
import { IssuerLease } from '../../src/acme/issuer-lease.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { MemorySecrets } from '../tools/memory-secrets.ts';

function start() {
  const store = new MemorySecrets();
  const clock = new FakeClock();
  const lost: string[] = [];
  const take = (name: string, lease: IssuerLease) => lease.take(() => lost.push(name));
  return { store, clock, lost, take, lease: () => new IssuerLease(store, clock) };
}

test('one balancer holds the lease, as long as it renews it', async (t) => {
  const { clock, lost, take, lease } = start();
  const [one, other] = [lease(), lease()];
  const held = await take('one', one);
  t.match(held, { release: Function });
  t.match(await take('other', other), { waitMs: 30_000 });
  await clock.pass(29_000);
  t.match(await take('other', other), { waitMs: 30_000 }, 'it was renewed');
  if ('release' in held) await held.release();
  const taken = await take('other', other);
  t.match(taken, { release: Function }, 'a release hands it over at once');
  if ('release' in taken) await taken.release();
  t.strictSame(lost, []);
  t.equal(clock.pending, 0, 'nothing is renewed any more');
});

test('a balancer that shows no sign of life loses the lease, whatever its clock says', async (t) => {
  const { store, clock, lost, take, lease } = start();
  const [one, other] = [lease(), lease()];
  await take('one', one);
  store.outage = new Error('away');
  await clock.pass(31_000);
  t.strictSame(lost, [], 'not yet: it may be the registry that is away');
  await clock.pass(10_000);
  t.strictSame([...new Set(lost)], ['one'], 'it knows that others may have taken over');
  store.outage = undefined;

  const { clock: later, store: same } = { clock: new FakeClock(), store };
  const fresh = new IssuerLease(same, later);
  t.match(await take('fresh', fresh), { waitMs: 30_000 }, 'the time since it looked counts, not dates');
  await later.pass(30_000);
  t.match(await take('fresh', fresh), { release: Function });
  await clock.pass(10_000);
  t.match(await take('other', other), { waitMs: 30_000 });
});

test('of two that take it in the same moment one gets it', async (t) => {
  const { take, lease } = start();
  const both = await Promise.all([take('one', lease()), take('other', lease())]);
  t.equal(both.filter((each) => 'release' in each).length, 1);
});

test('a document that cannot be opened is replaced once nothing has changed it for the whole lease', async (t) => {
  const { store, clock, lost, take, lease } = start();
  const one = lease();
  store.spoil('acme:issuer', 'invalid');
  t.match(await take('one', one), { waitMs: 30_000 });
  await clock.pass(20_000);
  store.spoil('acme:issuer', 'invalid');
  t.match(await take('one', one), { waitMs: 30_000 }, 'its holder renews it, with another key');
  await clock.pass(30_000);
  t.match(await take('one', one), { release: Function });
  store.spoil('acme:issuer', 'internal');
  await clock.pass(10_000);
  t.strictSame(lost, [], 'its holder replaces a damaged one');
  store.spoil('acme:issuer', 'invalid');
  await clock.pass(10_000);
  t.strictSame(lost, ['one'], 'a balancer with another key has taken it over');
});
