import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const module = fileURLToPath(new URL('../../src/assembly/lean-start.ts', import.meta.url));

/** Runs a function often within a start and after it. Returns V8's status of the function at both times, and what the heap holds before and after the end of the start. */
function statuses(): {
  readonly during: number;
  readonly after: number;
  readonly held: readonly [number, number];
  readonly exposed: boolean;
} {
  const program = `
    const { startBegins, startEnds } = await import(${JSON.stringify(module)});
    const status = new Function('of', 'return %GetOptimizationStatus(of)');
    const sum = (to) => {
      let all = 0;
      for (let index = 0; index < to; index++) all += index % 7;
      return all;
    };
    // Until code that is compiled in the background has come, or a second has passed.
    const run = (until) => new Promise((resolve) => {
      const end = performance.now() + until;
      const turn = () => {
        for (let count = 0; count < 3000; count++) sum(1000);
        if (performance.now() > end || (status(sum) & 64) !== 0) resolve(status(sum));
        else setImmediate(turn);
      };
      turn();
    });
    startBegins();
    const kept = [];
    for (let index = 0; index < 300000; index++) if ({ index, text: 'x' + index }.index % 50 === 0) kept.push({ index });
    const during = await run(300);
    const before = process.memoryUsage().heapUsed;
    startEnds();
    const held = [before, process.memoryUsage().heapUsed];
    console.log(JSON.stringify({ during, held, after: await run(10000), exposed: 'gc' in globalThis }));`;
  const flags = ['--allow-natives-syntax', '--import=tsx', '--input-type=module'];
  return JSON.parse(execFileSync(process.execPath, [...flags, '-e', program], { encoding: 'utf8' }));
}

t.test('nothing is optimised within a start, everything after it, and its end collects garbage', async (t) => {
  const { during, after, held, exposed } = statuses();
  t.equal(during & 64, 0, 'the bit of code that TurboFan has made');
  t.equal(after & 64, 64);
  t.ok(held[1] < held[0], `${held[0]} octets became ${held[1]}`);
  t.notOk(exposed, 'no program can collect garbage afterwards');
});

t.test(
  'after the start of a process that marks alone, which may end while helping threads mark what is alive, none of them does',
  async (t) => {
    const program = `
    const { startBegins, startEnds } = await import(${JSON.stringify(module)});
    const old = new Map();
    let made = 0;
    /** Makes objects that live long, so many times a heap of tens of megabytes, which V8 collects meanwhile. */
    const make = async (heaps) => {
      for (const end = made + heaps * 200000; made < end; await new Promise(setImmediate))
        for (let count = 0; count < 2000; count++) old.set(made++ % 200000, { made, text: 'x' + made });
    };
    startBegins();
    await make(3.7);
    startEnds({ marksAlone: true });
    console.log('the start has ended');
    await make(6);
    console.log('all were made');`;
    const flags = ['--trace-concurrent-marking', '--trace-gc', '--import=tsx', '--input-type=module'];
    const text = execFileSync(process.execPath, [...flags, '-e', program], { encoding: 'utf8', maxBuffer: 64 << 20 });
    const [before = '', after = ''] = text.split('the start has ended');
    const helping = /concurrent(ly)? mark/;
    t.match(before, helping, 'the helping threads say so');
    t.notMatch(after, helping);
    t.match(after, /Mark-sweep|Mark-Compact/i, 'old objects were collected');
    t.match(after, 'all were made');
  },
);
