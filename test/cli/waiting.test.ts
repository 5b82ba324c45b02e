import { test } from 'tap';
import { Refused, Unreachable } from '../../src/cli/client/control-client.ts';
import { type Step, stepDisplay } from '../../src/cli/terminal/step-display.ts';
import { waitUntil } from '../../src/cli/wait-until.ts';
import { Screen } from './screen.ts';
import { TerminalUnderTest } from './terminal-under-test.ts';

const step = (name: string, line: string, done = false): Step => ({ name, line: `${name} ${line}`, done });
const within = { timeoutMs: 10_000, remedy: 'see elsewhere' };

test('on a terminal every server has one line, redrawn at each change', async (t) => {
  const terminal = new TerminalUnderTest({ columns: 40, rows: 10 });
  const progress = stepDisplay(terminal);
  const screen = new Screen(40, 10);
  let drawn = 0;
  const look = () => {
    screen.write(terminal.drawn.slice(drawn).replaceAll('\n', '\r\n'));
    drawn = terminal.drawn.length;
    return screen.lines.filter((line) => line !== '');
  };
  progress.show([step('a', 'loading'), step('b', 'loading')]);
  t.strictSame(look(), ['a loading', 'b loading']);
  progress.show([step('a', 'active'), step('b', 'loading')]);
  t.strictSame(look(), ['a active', 'b loading']);
  const before = terminal.drawn;
  progress.show([step('a', 'active'), step('b', 'loading')]);
  t.equal(terminal.drawn, before, 'unchanged steps are not drawn again');
  progress.show([step('b', `rejected: ${'x'.repeat(100)}`)]);
  t.strictSame(look(), [`b rejected: ${'x'.repeat(26)}…`], 'cut: a line that wraps could not be overwritten');
  progress.show([]);
  t.strictSame(look(), []);
  t.strictSame(terminal.lines, { out: [], err: [] });
});

test('on a small terminal unfinished servers are shown first', async (t) => {
  const terminal = new TerminalUnderTest({ columns: 40, rows: 6 });
  const steps = Array.from({ length: 300 }, (_, index) => step(`gateway-${index}`, index === 299 ? 'loading' : 'active', index !== 299));
  stepDisplay(terminal).show(steps);
  const screen = new Screen(40, 6);
  screen.write(terminal.drawn.replaceAll('\n', '\r\n'));
  t.strictSame(screen.lines.filter(Boolean), [
    'gateway-0 active',
    'gateway-1 active',
    'gateway-2 active',
    'gateway-299 loading',
    '… and 296 more, 296 of them done',
  ]);
});

test('without a terminal each change gets a new line, without control characters', async (t) => {
  const terminal = new TerminalUnderTest();
  const progress = stepDisplay(terminal);
  progress.show([step('a', 'loading'), step('b', 'loading')]);
  progress.show([step('a', 'loading'), step('b', 'active\u001b[1m')]);
  progress.show([step('a', 'loading'), step('b', 'active\u001b[1m')]);
  t.strictSame(terminal.lines.err, ['a loading', 'b loading', 'b active [1m']);
  t.equal(terminal.drawn, '');
});

test('an interruption ends the wait with a message that says what is missing and what to do', async (t) => {
  const terminal = new TerminalUnderTest();
  const operator = { terminal, progress: stepDisplay(terminal) };
  const waiting = waitUntil(operator, async () => ({ steps: [step('a', 'loading')], missing: 'waiting for a' }), within);
  await terminal.until(({ lines }) => lines.err.includes('a loading'));
  terminal.stop('unread');
  terminal.stop('interrupted');
  await t.rejects(waiting, { message: 'interrupted: the change continues in the background; waiting for a; see elsewhere' });
  t.ok(terminal.released, 'signals have their default action again');

  const hanging = waitUntil(operator, () => new Promise<never>(() => undefined), within);
  terminal.stop('interrupted');
  await t.rejects(hanging, { message: /interrupted: .*no state received yet/ });
});

test('a balancer that is unreachable for a moment does not end the wait; other failures do', async (t) => {
  const terminal = new TerminalUnderTest();
  const operator = { terminal, progress: stepDisplay(terminal) };
  const looks = [
    async () => ({ steps: [step('a', 'loading')], missing: 'waiting for a' }),
    async () => Promise.reject(new Unreachable('away')),
    async () => ({ steps: [step('a', 'active')], missing: undefined }),
  ];
  await waitUntil(operator, async () => (looks.shift() as (typeof looks)[number])(), within);
  t.strictSame(terminal.lines.err, ['a loading', 'the balancer cannot be reached, trying again', 'a active']);
  const away = waitUntil(operator, async () => Promise.reject(new Unreachable('away')), { ...within, timeoutMs: 0 });
  await t.rejects(away, { message: /not done after 0 s.*cannot be reached; see elsewhere/ });
  await t.rejects(
    waitUntil(operator, async () => Promise.reject(new Error('broken')), within),
    { message: 'broken' },
  );
});

test('what was missing stays in the message when the balancer can no longer be asked', async (t) => {
  const terminal = new TerminalUnderTest();
  const operator = { terminal, progress: stepDisplay(terminal) };
  const detail = 'the registry in Redis does not answer';
  const unavailable = new Refused({ type: 'about:blank', title: '', status: 503, detail, code: 'unavailable' });
  for (const [failure, reason] of [
    [new Unreachable('away'), 'the balancer cannot be reached'],
    [unavailable, detail],
  ] as const) {
    let looks = 0;
    const waiting = waitUntil(
      operator,
      async () => {
        if (looks++ > 0) throw failure;
        return { steps: [step('a', 'draining')], missing: 'a is draining, 3 in flight' };
      },
      within,
    );
    await terminal.until(({ lines }) => lines.err.includes(`${reason}, trying again`));
    terminal.stop('interrupted');
    await t.rejects(waiting, { message: new RegExp(`; a is draining, 3 in flight when last seen, but now ${reason}; see elsewhere$`) });
  }
});
