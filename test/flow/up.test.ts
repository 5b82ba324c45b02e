import t, { type Test, test } from 'tap';
import { ownFolder } from '../tools/own-folder.ts';
import { SluiceProcess } from '../tools/sluice-process.ts';
import { onFreePorts } from '../tools/sluice-under-test.ts';

// Side by side: each test has processes of its own, and waits most of the time.
t.jobs = 3;

function startUp(t: Test, args: readonly string[] = [], env: Readonly<Record<string, string>> = onFreePorts): SluiceProcess {
  return SluiceProcess.start(t, ['up', ...args], { folder: ownFolder(t), env });
}

/** Resolves when the process, or a process that it started, has logged `count` lines. */
async function loggedLines(sluice: SluiceProcess, count: number): Promise<void> {
  await sluice.logged(() => sluice.log.length >= count);
}

// The lines come from the balancer first, then from the gateway servers as they load, join and become healthy.
for (const count of [1, 5, 6, 10]) {
  test(`Ctrl-C after ${count} log lines of the start leaves no process behind`, { timeout: 60_000 }, async (t) => {
    const sluice = startUp(t);
    await loggedLines(sluice, count);
    sluice.signal('SIGINT');
    // Gateway servers write to the same standard error: it closes when the last of them has ended.
    t.equal(await sluice.ended(), 0);
  });
}

for (const count of [5, 8]) {
  test(`the gateway servers end when their parent is killed after ${count} log lines`, { timeout: 60_000 }, async (t) => {
    const sluice = startUp(t);
    await loggedLines(sluice, count);
    sluice.signal('SIGKILL');
    t.equal(await sluice.ended(), null);
  });
}

test('the next start in the same folder works at once', { timeout: 60_000 }, async (t) => {
  const folder = ownFolder(t);
  const first = SluiceProcess.start(t, ['up'], { folder, env: onFreePorts });
  await loggedLines(first, 5);
  first.signal('SIGINT');
  await first.ended();
  const second = SluiceProcess.start(t, ['up'], { folder, env: onFreePorts });
  await second.printed((out) => /Ctrl-C stops everything/.exec(out)?.[0]);
  t.notMatch(JSON.stringify(second.log), /give each its own --id/, 'no gateway server of the first start is in the way');
  second.signal('SIGINT');
  t.equal(await second.ended(), 0);
});

test('--listen and --control take other addresses, and the printed commands fit them', { timeout: 60_000 }, async (t) => {
  const sluice = startUp(t, ['--listen', '127.0.0.1:0', '--control', '127.0.0.1:0', '--gateways', '1'], {
    SLUICE_DATA_DIR: 'elsewhere',
  });
  const banner = await sluice.printed((out) => (out.includes('Ctrl-C stops') ? out : undefined));
  const control = /Admin API +(http:\/\/127\.0\.0\.1:\d+)/.exec(banner)?.[1];
  t.match(banner, /Try it +curl http:\/\/127\.0\.0\.1:[1-9]\d*\/hello/);
  t.notMatch(control, ':9000');
  t.ok(banner.includes(`status --control ${control} --token "$(cat 'elsewhere/admin.token')"`), banner);
  t.ok(banner.includes(`gateway --join ${control} --environment production --token "$(cat 'elsewhere/join.token')"`), banner);
  sluice.signal('SIGINT');
  t.equal(await sluice.ended(), 0);
});

test('an address in use is reported with the options that choose another', { timeout: 60_000 }, async (t) => {
  const first = startUp(t, ['--gateways', '1']);
  const { control } = await first.logged((line) => line.msg === 'control');
  const taken = String(control).replace('http://', '');
  const second = startUp(t, ['--control', taken]);
  t.equal(await second.ended(), 1);
  t.match(second.log.at(-1)?.msg, new RegExp(`cannot listen on ${taken}.*up --listen HOST:PORT --control HOST:PORT`));
  first.signal('SIGINT');
  await first.ended();
});
