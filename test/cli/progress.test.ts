import { test } from 'tap';
import { Unreachable } from '../../src/cli/client/control-client.ts';
import { progressOn, type Step } from '../../src/cli/terminal/progress.ts';
import { waitUntil } from '../../src/cli/waiting.ts';
import { Screen } from './screen.ts';
import { TerminalUnderTest } from './terminal-under-test.ts';

const step = (name: string, line: string, done = false): Step => ({ name, line: `${name} ${line}`, done });
const within = { timeoutMs: 10_000, remedy: 'see elsewhere' };

test('on a terminal every server has one line that changes', async (t) => {
  const terminal = new TerminalUnderTest({ columns: 40, rows: 10 });
  const progress = progressOn(terminal);
  const screen = new Screen(40, 10);
  let drawn = 0;
  const look = () => {
    screen.write(terminal.drawn.slice(drawn).replaceAll('\n', '\r\n'));
    drawn = terminal.drawn.length;
    return screen.lines.filter((line) => line !== '');
  };
  progress.show([step('a', 'loading'), step('b', 'loading')]);
  t.strictSame(look(), ['a loading', 'b loading']);
  progress.show([step('a', 'runs it'), step('b', 'loading')]);
  t.strictSame(look(), ['a runs it', 'b loading']);
  const before = terminal.drawn;
  progress.show([step('a', 'runs it'), step('b', 'loading')]);
  t.equal(terminal.drawn, before, 'the same is not drawn again');
  progress.show([step('b', `rejected: ${'x'.repeat(100)}`)]);
  t.strictSame(look(), [`b rejected: ${'x'.repeat(26)}…`], 'cut: a line that wraps could not be drawn over');
  progress.show([]);
  t.strictSame(look(), []);
  t.strictSame(terminal.lines, { out: [], err: [] });
});

test('of a fleet those that are not done are shown', async (t) => {
  const terminal = new TerminalUnderTest({ columns: 40, rows: 6 });
  const steps = Array.from({ length: 300 }, (_, index) => step(`gateway-${index}`, index === 299 ? 'loading' : 'runs it', index !== 299));
  progressOn(terminal).show(steps);
  const screen = new Screen(40, 6);
  screen.write(terminal.drawn.replaceAll('\n', '\r\n'));
  t.strictSame(screen.lines.filter(Boolean), [
    'gateway-0 runs it',
    'gateway-1 runs it',
    'gateway-2 runs it',
    'gateway-299 loading',
    '… and 296 more, 296 of them done',
  ]);
});

test('elsewhere there is a line for each change, and no control characters', async (t) => {
  const terminal = new TerminalUnderTest();
  const progress = progressOn(terminal);
  progress.show([step('a', 'loading'), step('b', 'loading')]);
  progress.show([step('a', 'loading'), step('b', 'runs it\u001b[1m')]);
  progress.show([step('a', 'loading'), step('b', 'runs it\u001b[1m')]);
  t.strictSame(terminal.lines.err, ['a loading', 'b loading', 'b runs it [1m']);
  t.equal(terminal.drawn, '');
});

test('an interruption ends the waiting with what is missing and what to do', async (t) => {
  const terminal = new TerminalUnderTest();
  const operator = { terminal, progress: progressOn(terminal) };
  const waiting = waitUntil(operator, async () => ({ steps: [step('a', 'loading')], missing: 'waiting for a' }), within);
  await terminal.until(({ lines }) => lines.err.includes('a loading'));
  terminal.stop('unread');
  terminal.stop('interrupted');
  await t.rejects(waiting, { message: 'interrupted: it goes on without being watched; waiting for a; see elsewhere' });
  t.ok(terminal.released, 'signals do what they always do');

  const hanging = waitUntil(operator, () => new Promise<never>(() => undefined), within);
  terminal.stop('interrupted');
  await t.rejects(hanging, { message: /interrupted: .*nothing was seen yet/ });
});

test('a balancer that is away for a moment does not end the waiting; other failures do', async (t) => {
  const terminal = new TerminalUnderTest();
  const operator = { terminal, progress: progressOn(terminal) };
  const looks = [
    async () => ({ steps: [step('a', 'loading')], missing: 'waiting for a' }),
    async () => Promise.reject(new Unreachable('away')),
    async () => ({ steps: [step('a', 'runs it')], missing: undefined }),
  ];
  await waitUntil(operator, async () => (looks.shift() as (typeof looks)[number])(), within);
  t.strictSame(terminal.lines.err, ['a loading', 'the balancer cannot be reached at present, trying again', 'a runs it']);
  const away = waitUntil(operator, async () => Promise.reject(new Unreachable('away')), { ...within, timeoutMs: 0 });
  await t.rejects(away, { message: /not done after 0 s.*cannot be reached at present; see elsewhere/ });
  await t.rejects(
    waitUntil(operator, async () => Promise.reject(new Error('broken')), within),
    { message: 'broken' },
  );
});
