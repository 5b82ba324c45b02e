import t from 'tap';
import { isLarge, jsonPieces, jsonText } from '../../src/model/json-pieces.ts';
import { atOnce, eachInTurns, inTurns, mapInTurns, type Pieces, spreadOverTurns, startNow, turnMs } from '../../src/model/pieces.ts';
import { Turns } from '../../src/model/turns.ts';
import fc from '../tools/fast-check.ts';

function* counting(to: number, done: number[]): Pieces<string> {
  for (let piece = 0; piece < to; piece++) {
    done.push(piece);
    yield;
  }
  return 'counted';
}

t.test('between two pieces that take long, other work of the event loop runs', async (t) => {
  let now = 0;
  const done: number[] = [];
  const seen: number[][] = [];
  const counted = inTurns(counting(3, done), () => (now += 10));
  for (let turn = 0; turn < 5; turn++) {
    await new Promise(setImmediate);
    seen.push([...done]);
  }
  t.equal(await counted, 'counted');
  t.ok(
    [1, 2, 3].every((length) => seen.some((pieces) => pieces.length === length)),
    `one piece in a turn: ${JSON.stringify(seen)}`,
  );
});

t.test('short pieces share a turn', async (t) => {
  const done: number[] = [];
  const counted = inTurns(counting(100, done), () => 0);
  await new Promise(setImmediate);
  t.equal(done.length, 100);
  t.equal(await counted, 'counted');
});

t.test('an error ends the work', async (t) => {
  function* failing(): Pieces<void> {
    yield;
    throw new Error('failed');
  }
  await t.rejects(inTurns(failing()), { message: 'failed' });
  t.throws(() => atOnce(failing()), { message: 'failed' });
});

t.test('work at once is the same work', (t) => {
  const done: number[] = [];
  t.equal(atOnce(counting(3, done)), 'counted');
  t.strictSame(done, [0, 1, 2]);
  t.end();
});

/** Counts the turns of the event loop in which other work runs until `work` has ended. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let turns = 0;
  let running = true;
  const turn = () => {
    if (!running) return;
    turns++;
    setImmediate(turn);
  };
  setImmediate(turn);
  await work;
  running = false;
  return turns;
}

t.test('of a list, the first few elements are taken at once, and then as many in a turn as it has room for', async (t) => {
  const list = Array.from({ length: 60 }, (_, index) => index);
  const taken: number[] = [];
  let now = 0;
  // A look at the clock takes half a turn.
  const work = eachInTurns(
    list,
    (one) => void taken.push(one),
    () => (now += turnMs / 2),
  );
  t.equal(taken.length, 20);
  const turns = await turnsDuring(work);
  t.strictSame(taken, list);
  t.ok(turns >= 15 && turns <= 25, `${turns} turns for 40 elements, two in each`);
  t.strictSame(
    await mapInTurns(list, (one) => one * 2),
    list.map((one) => one * 2),
  );
});

t.test('what a generator makes is passed on, and other work comes in between', async (t) => {
  const made: number[] = [];
  let now = 0;
  const counted = function* () {
    for (let one = 0; one < 10; one++) yield one;
  };
  const turns = await turnsDuring(
    (async () => {
      for await (const one of spreadOverTurns(counted(), () => (now += 10))) made.push(one);
    })(),
  );
  t.strictSame(made, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  t.ok(turns >= 9, `${turns} turns`);
});

t.test('few pieces are done at once, many partly in turns', async (t) => {
  const few: number[] = [];
  const of = function* (count: number, done: number[]): Pieces<void> {
    yield* counting(count, done);
  };
  t.equal(startNow(of(50, few)), undefined);
  t.equal(few.length, 50);
  const many: number[] = [];
  const rest = startNow(of(500, many));
  t.equal(many.length, 100);
  await rest;
  t.equal(many.length, 500);
});

t.test('requests start one in each turn of the event loop, first come, first served', async (t) => {
  const turns = new Turns();
  const started: number[] = [];
  for (let request = 0; request < 3; request++) void turns.next().then(() => started.push(request));
  const seen: number[][] = [];
  for (let turn = 0; turn < 4; turn++) {
    seen.push([...started]);
    await new Promise(setImmediate);
  }
  t.strictSame(seen, [[], [0], [0, 1], [0, 1, 2]]);
  void turns.next().then(() => started.push(3));
  await new Promise(setImmediate);
  t.strictSame(started, [0, 1, 2, 3], 'and again after a pause');
});

t.test('what is urgent comes before all that wait', async (t) => {
  const turns = new Turns();
  const started: string[] = [];
  for (const name of ['first', 'second']) void turns.next().then(() => started.push(name));
  void turns.next(true).then(() => started.push('urgent'));
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
  t.strictSame(started, ['urgent', 'first', 'second']);
});

/** Turns with gaps that end when the test says so, and a clock that stands still. */
function turnsWithGaps() {
  const clock = { now: 0 };
  const gaps: (() => void)[] = [];
  const turns = new Turns({
    now: () => clock.now,
    after: (_ms, task) => {
      gaps.push(task);
      return () => void gaps.splice(gaps.indexOf(task), 1);
    },
  });
  return { turns, clock, gaps };
}

async function pass(turns = 4): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
}

t.test('while traffic flows, a gap follows each turn that is used up', async (t) => {
  const { turns, clock, gaps } = turnsWithGaps();
  const started: string[] = [];
  const work = async (name: string) => {
    await turns.next();
    started.push(`${name} 1`);
    await turns.again();
    started.push(`${name} 2`);
  };
  await Promise.all([work('quiet'), pass()]);
  t.strictSame([started, gaps.length], [['quiet 1', 'quiet 2'], 0], 'without traffic there is none');

  turns.requests++;
  started.length = 0;
  const two = [work('first'), work('second')];
  await pass();
  t.strictSame([started, gaps.length], [['first 1'], 1], 'nobody has a turn in a gap');
  for (let gap = 0; gap < 2; gap++) {
    gaps.shift()?.();
    await pass();
  }
  await Promise.all(two);
  t.strictSame([started, gaps.length], [['first 1', 'second 1', 'first 2', 'second 2'], 0], 'each gap is one turn long');

  clock.now += 1000;
  await Promise.all([work('later'), pass()]);
  t.equal(gaps.length, 0, 'traffic has ended');
});

t.test('what is urgent does not wait for the end of a gap, and has none itself', async (t) => {
  const { turns, gaps } = turnsWithGaps();
  turns.requests++;
  const started: string[] = [];
  const long = turns.next().then(async () => {
    await turns.again();
    started.push('long');
  });
  await pass();
  t.equal(gaps.length, 1);
  const urgent = turns.next(true).then(async () => {
    started.push('urgent');
    await turns.again(true);
    started.push('urgent again');
  });
  await urgent;
  t.equal(gaps.length, 0);
  await pass();
  for (const end of gaps) end();
  await long;
  t.strictSame(started, ['urgent', 'urgent again', 'long']);
});

const leaf = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null), fc.constant(undefined));
const { document } = fc.letrec((tie) => ({
  document: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('document'), { maxLength: 90 }), fc.dictionary(fc.string(), tie('document'))),
}));

t.test('the pieces are what JSON.stringify writes', async () => {
  fc.assert(
    fc.property(document, (value) => [...jsonPieces(value)].join('') === (JSON.stringify(value) ?? '')),
    { numRuns: 300 },
  );
});

t.test('no piece of a long list has much more than 16,384 characters, wherever the list stands', async (t) => {
  const servers = Array.from({ length: 4000 }, (_, index) => ({
    id: `server-${index}`,
    state: 'ready',
    projects: [{ name: 'shop', revision: 1 }],
  }));
  for (const value of [
    servers,
    { servers },
    [{ deployments: [{ project: 'shop', servers }] }],
    Object.fromEntries(servers.map((one) => [one.id, one])),
  ]) {
    const pieces = [...jsonPieces(value)];
    t.ok(pieces.length > 10 && pieces.every(({ length }) => length < 20_000), `${pieces.map(({ length }) => length)}`);
    t.ok(isLarge(value));
    t.equal(atOnce(jsonText(value)), JSON.stringify(value));
  }
  t.notOk(isLarge({ id: 'server-1', projects: [{ name: 'shop' }] }));
});
