import t from 'tap';
import { LineOutput, mostWaitingOctets } from '../../src/access-log/line-output.ts';
import { batchOctets, type LogFile } from '../../src/access-log/log-file.ts';
import { FakeClock, settle } from '../tools/fake-clock.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import fc from '../tools/fast-check.ts';

type Done = Parameters<LogFile['write']>[1];

/** A file whose writes the test completes, or that completes them itself with the result of `answer`. */
class FakeFile implements LogFile {
  readonly batches: number;
  text = '';
  closed = false;
  answer: ((octets: number) => [Error | null, number]) | undefined;
  #pending: { octets: Buffer; done: Done } | undefined;

  constructor(batches: number, answer?: FakeFile['answer']) {
    this.batches = batches;
    this.answer = answer;
  }

  get pending(): boolean {
    return this.#pending !== undefined;
  }

  write(batches: readonly Buffer[], done: Done): void {
    if (this.#pending !== undefined) throw new Error('two writes at a time');
    if (this.closed) throw new Error('written after it was closed');
    if (batches.length === 0 || batches.length > this.batches) throw new Error(`${batches.length} batches at once`);
    this.#pending = { octets: Buffer.concat(batches), done };
    if (this.answer !== undefined) this.end(...this.answer(this.#pending.octets.length));
  }

  writeLast(batches: readonly Buffer[]): void {
    this.text += Buffer.concat(batches).toString('latin1');
  }

  close(): void {
    this.closed = true;
  }

  /** Completes the pending write. @param octets number of its octets that were written */
  end(error: Error | null = null, octets = Number.POSITIVE_INFINITY): void {
    const { octets: all, done } = this.#pending as { octets: Buffer; done: Done };
    const taken = Math.min(octets, all.length);
    this.text += all.toString('latin1', 0, taken);
    this.#pending = undefined;
    done(error, taken);
  }
}

const full = Object.assign(new Error('EAGAIN'), { code: 'EAGAIN' });
const noSpace = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });

async function setUp(...files: (LogFile | Error)[]) {
  const clock = new FakeClock();
  const { logger, lines } = keptLogger();
  const open = async () => {
    const file = files.length > 1 ? files.shift() : files[0];
    if (file instanceof Error) throw file;
    return file as LogFile;
  };
  const output = new LineOutput({ open, clock, logger });
  await output.open().catch(() => {});
  return { clock, lines, output };
}

const line = (number: number) => `line ${number} ${'x'.repeat(190)}\n`;

function writeLines(output: LineOutput, count: number, from = 0): string {
  let text = '';
  for (let number = from; number < from + count; number++) {
    output.write(line(number));
    text += line(number);
  }
  return text;
}

t.test('few lines are written together, after 200 ms at most', async (t) => {
  const file = new FakeFile(16);
  const { clock, output } = await setUp(file);
  const text = writeLines(output, 3);
  t.notOk(file.pending);
  await clock.pass(200);
  file.end();
  t.equal(file.text, text);
  t.equal(clock.pending, 1, 'one more tick of the timer');
  await clock.pass(1000);
  t.equal(clock.pending, 0, 'without lines there is no timer');
});

t.test('many lines are written without waiting for the timer, one write at a time, in order', async (t) => {
  const file = new FakeFile(16);
  const { clock, output } = await setUp(file);
  let text = writeLines(output, 400);
  t.ok(file.pending, 'before any timer');
  text += writeLines(output, 2000, 400);
  while (file.pending) file.end();
  await clock.pass(200);
  while (file.pending) file.end();
  t.equal(file.text, text);
  t.equal(output.dropped, 0);
});

t.test(
  'a file that takes nothing costs bounded memory: further lines are dropped, counted and logged once, until there is room again',
  async (t) => {
    for (const [name, answer, reason] of [
      ['a reader that does not read', () => [full, 0], /fast enough/],
      ['a full disk', () => [noSpace, 0], /no space left/],
    ] as const) {
      const file = new FakeFile(1, answer as unknown as FakeFile['answer']);
      const { clock, lines, output } = await setUp(file);
      const fits = Math.floor(batchOctets / line(0).length);
      const kept = writeLines(output, 10);
      await clock.pass(1000);
      const most = Math.ceil(mostWaitingOctets / batchOctets) * fits;
      writeLines(output, most + 5_000, 10);
      await clock.pass(120_000);
      t.ok(output.dropped > 4_900 - fits && output.dropped <= 5_000 + fits, `${name}: ${output.dropped} dropped`);
      t.match(lines, [{ level: 40, reason }], 'logged once');
      const before = output.dropped;
      file.answer = (octets) => [null, octets];
      await clock.pass(10_000);
      t.ok(file.text.startsWith(kept));
      const written = file.text.split('\n');
      t.ok(
        written.slice(0, -1).every((each) => /^line \d+ x{190}$/.test(each)),
        'whole lines only',
      );
      t.equal(written.length - 1 + before, most + 5_010, 'each line was written or counted');
      t.match(lines.at(-1), { level: 30, dropped: before });
      t.equal(lines.length, 2);
      const after = writeLines(output, 3);
      await clock.pass(1000);
      t.ok(file.text.endsWith(after));
      t.equal(output.dropped, before);
      t.equal(clock.pending, 0);
    }
  },
);

t.test('a log that goes to the same file is not written to before there is room again', async (t) => {
  const file = new FakeFile(1, () => [noSpace, 0]);
  const { clock } = await setUp(file);
  const { logger, lines } = keptLogger();
  const output = new LineOutput({ open: async () => file, clock, logger, sharesLog: true });
  await output.open();
  writeLines(output, 1);
  await clock.pass(5000);
  t.strictSame(lines, []);
  file.answer = (octets) => [null, octets];
  await clock.pass(5000);
  t.match(lines, [{ level: 30 }]);
});

t.test('reopening loses and tears no line: a write in progress ends in the old file', async (t) => {
  const [first, second, third] = [new FakeFile(1), new FakeFile(1), new FakeFile(1)];
  const { clock, output } = await setUp(first, second, third);
  const text = writeLines(output, 2);
  await clock.pass(200);
  await output.open();
  await output.open();
  t.strictSame([first.closed, second.closed], [false, true]);
  const next = writeLines(output, 2, 2);
  await clock.pass(200);
  t.notOk(third.pending);
  first.end();
  t.ok(first.closed);
  third.end();
  t.strictSame([first.text, second.text, third.text], [text, '', next]);
});

t.test('a file that cannot be opened is tried again; until then lines wait', async (t) => {
  const file = new FakeFile(1, (octets) => [null, octets]);
  const { clock, lines, output } = await setUp(noSpace, noSpace, file);
  const text = writeLines(output, 30);
  await clock.pass(200);
  t.match(lines, [{ level: 40, reason: /no space/ }]);
  await clock.pass(2000);
  t.equal(file.text, text);
  t.match(lines.slice(1), [{ level: 30 }]);
});

t.test('at the end everything is written, except by a write that hangs', async (t) => {
  const file = new FakeFile(16);
  const { output } = await setUp(file);
  await output.flush();
  const text = writeLines(output, 5);
  let flushed = false;
  const flushing = output.flush().then(() => {
    flushed = true;
  });
  await settle();
  t.notOk(flushed);
  file.end();
  await flushing;
  t.equal(file.text, text);

  const more = writeLines(output, 5);
  t.ok(output.end());
  t.equal(file.text, text + more, 'at an exit without a flush');

  const { clock: other, output: hanging } = await setUp(new FakeFile(1));
  writeLines(hanging, 5);
  let gaveUp = false;
  void hanging.flush().then(() => {
    gaveUp = true;
  });
  t.ok(hanging.end(), 'too early to take it for hung');
  await other.pass(1000);
  t.ok(gaveUp);
  t.notOk(hanging.end());
});

t.test('whatever the file does, every line is written whole, in order and once, or counted as dropped', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('lines' as const), count: fc.integer({ min: 1, max: 200 }) }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 1500 }) }),
    fc.record({ kind: fc.constant('room' as const), octets: fc.nat({ max: 20_000 }), error: fc.constantFrom(full, noSpace, null) }),
    fc.record({ kind: fc.constant('reopen' as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.constantFrom(1, 16), async (steps, batches) => {
      let room = Number.POSITIVE_INFINITY;
      let refusal: Error | null = null;
      const file = new FakeFile(batches, (octets) => {
        const taken = Math.min(octets, room);
        room -= taken;
        return taken === 0 ? [refusal ?? full, 0] : [null, taken];
      });
      const clock = new FakeClock();
      const close = () => {};
      // Every `open` opens the same file, so that the order of lines shows across reopening.
      const open = async () => ({ batches, write: file.write.bind(file), writeLast: file.writeLast.bind(file), close });
      const output = new LineOutput({ open, clock, logger: keptLogger().logger });
      await output.open();
      let written = 0;
      for (const each of steps) {
        if (each.kind === 'lines') {
          writeLines(output, each.count, written);
          written += each.count;
        } else if (each.kind === 'pass') await clock.pass(each.ms);
        else if (each.kind === 'reopen') await output.open();
        else {
          room = each.octets;
          refusal = each.error;
        }
      }
      room = Number.POSITIVE_INFINITY;
      await clock.pass(3000);
      let wanted = '';
      for (let number = 0; number < written; number++) wanted += line(number);
      if (output.dropped !== 0 || file.text !== wanted)
        throw new Error(`${file.text.length} octets of ${wanted.length}, ${output.dropped} dropped`);
    }),
    { seed: 11, numRuns: 150 },
  );
});
