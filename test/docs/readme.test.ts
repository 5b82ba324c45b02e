import { test } from 'tap';
import { blocksOf, missingFrom } from '../tools/pages.ts';
import { startRedis } from '../tools/redis.ts';
import { textOf } from '../tools/source-files.ts';
import { follow } from './follow.ts';
import { Walk } from './walk.ts';

test('shown output is compared line by line, in order', async (t) => {
  const output = 'SERVER  STATE\na       ready   127.0.0.1:4711\nb       ready   127.0.0.1:4712\n';
  t.equal(missingFrom(output, 'a ready …\n\nb ready 127.0.0.1:…\n'), undefined);
  t.equal(missingFrom(output, 'b ready …\na ready …\n'), 'a ready …', 'in that order');
  t.equal(missingFrom(output, 'a ready\n'), 'a ready', 'whole lines');
  t.equal(missingFrom(output, 'a (ready) …\n'), 'a (ready) …');
  t.throws(() => blocksOf('README.md', 'Nonsense'), /README.md has no section "Nonsense"/);
});

test('`npm start` and `npx sluice` do what their stand-ins do', async (t) => {
  const { scripts, bin } = JSON.parse(textOf('package.json'));
  t.match(scripts.start, /&& node dist\/sluice\.mjs up$/);
  t.equal(bin.sluice, 'dist/sluice.mjs');
});

test('the README\'s "Five minutes" works as a new user would follow it', { timeout: 300_000 }, async (t) => {
  const walk = await Walk.begin(t);
  const done = await follow(t, walk, 'README.md', blocksOf('README.md', 'Five minutes'));
  t.ok(done.ran >= 6 && done.compared >= 5, 'the section has commands and output');
  await walk.stop();
});

test('the README\'s "The same on Redis" works', { timeout: 300_000 }, async (t) => {
  const redis = await startRedis(t);
  const walk = await Walk.begin(t, { 6379: redis.port });
  await follow(t, walk, 'README.md', blocksOf('README.md', 'The same on Redis'));
  const servers = JSON.parse(await walk.run('npx sluice server list --json')) as { id: string; health: string }[];
  t.strictSame(servers.map(({ id, health }) => `${id} ${health}`).sort(), ['gateway-1 up', 'gateway-2 up', 'gateway-3 up']);
});
