import t from 'tap';
import { Turns } from '../../src/model/turns.ts';

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
