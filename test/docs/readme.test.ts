import { test } from 'tap';
import { startRedis } from '../tools/redis.ts';
import { textOf } from '../tools/source-files.ts';
import { blocksUnder, missingFrom } from './pages.ts';
import { Walk } from './walk.ts';

const keepsRunning = 'sh keeps running';

test('what a page shows is looked for line by line', async (t) => {
  const output = 'SERVER  STATE\na       ready   127.0.0.1:4711\nb       ready   127.0.0.1:4712\n';
  t.equal(missingFrom(output, 'a ready …\n\nb ready 127.0.0.1:…\n'), undefined);
  t.equal(missingFrom(output, 'b ready …\na ready …\n'), 'a ready …', 'in that order');
  t.equal(missingFrom(output, 'a ready\n'), 'a ready', 'whole lines');
  t.equal(missingFrom(output, 'a (ready) …\n'), 'a (ready) …');
  t.throws(() => blocksUnder('README.md', 'Nonsense'), /README.md has no section "Nonsense"/);
});

test('`npm start` and `npx sluice` are what the walk takes them for', async (t) => {
  const { scripts, bin } = JSON.parse(textOf('package.json'));
  t.match(scripts.start, /&& node dist\/sluice\.mjs up$/);
  t.equal(bin.sluice, 'dist/sluice.mjs');
});

test('the five minutes of the README, as a new user would spend them', { timeout: 120_000 }, async (t) => {
  const walk = new Walk(t);
  const blocks = blocksUnder('README.md', 'Five minutes');
  let output = '';
  const done = { sh: 0, shown: 0, running: 0 };
  for (const { info, text } of blocks) {
    if (info === 'text') {
      t.equal(missingFrom(output, text), undefined, 'what the README shows was printed', { output });
      done.shown++;
    } else if (info === keepsRunning) {
      output = await walk.start(text);
      done.running++;
    } else {
      t.equal(info, 'sh');
      output = await walk.run(text);
      done.sh++;
    }
  }
  t.strictSame(done, { sh: 5, shown: 6, running: 3 }, 'nothing was left out');
  await walk.stop();
});

test('the same on Redis', { timeout: 120_000 }, async (t) => {
  const redis = await startRedis(t);
  const walk = new Walk(t, { 'redis://127.0.0.1:6379': redis.url });
  for (const { info, text } of blocksUnder('README.md', 'The same on Redis')) {
    t.equal(info, keepsRunning);
    await walk.start(text);
  }
  const status = await walk.run('npx sluice server list --json');
  const servers = JSON.parse(status) as { id: string; health: string }[];
  t.strictSame(servers.map(({ id, health }) => `${id} ${health}`).sort(), ['gateway-1 up', 'gateway-2 up', 'gateway-3 up']);
});
