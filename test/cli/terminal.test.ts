import t, { test } from 'tap';
import { serving, startBalancer, startGateway } from '../tools/sluice-under-test.ts';
import { onTerminal } from './on-terminal.ts';

// Side by side: each test has processes of its own, and waits most of the time.
t.jobs = 2;

test('top on a terminal: resizing, a restart of the balancer, q', { timeout: 100_000 }, async (t) => {
  const balancer = await startBalancer(t);
  await startGateway(t, 'one', balancer.control);
  await serving(balancer, ['one']);
  const top = onTerminal(t, balancer, 'echo before; sluice top; echo "after $?"', { columns: 90, rows: 12 });
  await top.shows(/^ {2}one .* up$/m);
  t.ok(top.screen.alternate);
  t.equal(top.screen.lines.length, 12);
  await top.resize(50, 8);
  await top.shows((screen) => screen.lines.length === 8 && /ERRORS +P99/.test(screen.text) && /^ {2}one/m.test(screen.text));
  // Output from before it noticed the smaller size did not fit.
  top.screen.overflows = 0;
  await top.resize(100, 12);
  await balancer.process.kill();
  await top.shows(/no connection to the balancer/);
  await balancer.again();
  await top.shows((screen) => !/no connection/.test(screen.text) && /^ {2}one .* up$/m.test(screen.text));
  t.equal(top.screen.overflows, 0);
  top.type('q');
  await top.ended();
  t.notOk(top.screen.alternate);
  t.ok(top.screen.cursorShown && top.screen.wraps);
  t.match(top.screen.text, /^before\nafter 0$/m);
});

test('a pipe closed early or a full disk ends a command with one line at most', { timeout: 100_000 }, async (t) => {
  const balancer = await startBalancer(t);
  const early = onTerminal(t, balancer, '(sluice top; echo "status $?" >&2) | head -n 1');
  await early.ended();
  t.match(early.screen.text.trim(), /^sluice top .*\nstatus 0$/);
  const full = onTerminal(t, balancer, '(sluice status; echo "status $?" >&2) > /dev/full');
  await full.ended();
  t.equal(full.screen.text.trim(), 'error: cannot write to standard output (ENOSPC)\nstatus 1');
  const unread = onTerminal(t, balancer, '(sluice env list --json; echo "status $?" >&2) | true');
  await unread.ended();
  t.equal(unread.screen.text.trim(), 'status 0');
});
