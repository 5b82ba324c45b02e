import t from 'tap';
import { ReaderSlots } from '../../src/registry/remote/reader-slots.ts';
import { FakeClock } from '../tools/fake-clock.ts';

/** Slots of which peers 0 to 7 have taken all, and the outcome of each other peer's call. */
async function fullSlots() {
  const clock = new FakeClock();
  const slots = new ReaderSlots(clock);
  const peers = Array.from({ length: 12 }, (_, index) => ({ index }));
  const outcomes = new Map<number, boolean>();
  const take = (index: number) => void slots.take(peers[index] as object).then((taken) => outcomes.set(index, taken));
  const end = (index: number) => slots.end(peers[index] as object);
  const answered = (index: number) => slots.answered(peers[index] as object);
  for (let index = 0; index < 8; index++) take(index);
  await clock.pass(0);
  t.same(
    [...outcomes],
    [0, 1, 2, 3, 4, 5, 6, 7].map((index) => [index, true]),
  );
  outcomes.clear();
  return { clock, take, end, answered, outcomes };
}

t.test('peers wait for a slot in the order of their calls', async (t) => {
  const { clock, take, end, outcomes } = await fullSlots();
  for (const index of [9, 8, 10]) take(index);
  take(3);
  await clock.pass(0);
  t.same([...outcomes], [[3, true]], 'a peer with a slot needs no other');
  end(5);
  end(9);
  await clock.pass(0);
  t.same([...outcomes.keys()], [3, 9, 8]);
  end(10);
  await clock.pass(0);
  t.equal(outcomes.get(10), false, 'a peer that is gone waits no longer');
  take(11);
  end(0);
  await clock.pass(0);
  t.equal(outcomes.get(11), true, 'nor does it get the next slot');
});

t.test('a call waits two seconds at most', async (t) => {
  const { clock, take, end, outcomes } = await fullSlots();
  take(8);
  await clock.pass(1999);
  take(8);
  t.equal(outcomes.size, 0);
  await clock.pass(1);
  t.same([...outcomes], [[8, false]]);
  end(0);
  take(8);
  await clock.pass(0);
  t.equal(outcomes.get(8), true, 'the next call gets the slot that is free by then');
});

t.test('a slot is free half a second after an answer, unless the peer goes on reading', async (t) => {
  const { clock, take, answered, outcomes } = await fullSlots();
  answered(0);
  answered(1);
  take(8);
  take(9);
  await clock.pass(499);
  take(0);
  await clock.pass(1);
  t.same(
    [...outcomes],
    [
      [0, true],
      [8, true],
    ],
  );
  await clock.pass(1000);
  t.notOk(outcomes.has(9), 'nor is it free while a call is under way');
});

t.test('a peer that reads for ten seconds goes to the end of the queue', async (t) => {
  const { clock, take, outcomes } = await fullSlots();
  await clock.pass(9999);
  take(8);
  take(0);
  await clock.pass(1);
  t.same([...outcomes], [[0, true]]);
  take(0);
  await clock.pass(0);
  t.equal(outcomes.get(8), true);
  await clock.pass(2000);
  t.equal(outcomes.get(0), false);
});

t.test('calls that read nothing do not lengthen ten seconds', async (t) => {
  const { clock, take, answered, outcomes } = await fullSlots();
  for (let at = 0; at < 10_000; at += 400) {
    answered(0);
    await clock.pass(400);
  }
  take(8);
  await clock.pass(0);
  t.same([...outcomes], [[8, true]]);
});
