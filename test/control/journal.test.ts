import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { test } from 'tap';
import type { Happening } from '../../src/api/answers.ts';
import { Journal, mostHappenings } from '../../src/control/feed/journal.ts';
import { JournalFile } from '../../src/control/feed/journal-file.ts';
import { type Clock, systemClock } from '../../src/model/clock.ts';
import { eventually } from '../flow/system.ts';
import { controlUnderTest, joining, sampleProject, seen } from './control-under-test.ts';

const hurried: Clock = { ...systemClock, after: (delayMs, task) => systemClock.after(delayMs / 20, task) };
const happening = (text: string): Happening => ({ at: 1, kind: 'server', tone: 'good', subject: 'a', text });

function logTo(lines: string[]) {
  return pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
}

test('the journal tells what happened before anybody looked, newest first', async (t) => {
  const { registry, live, ask } = await controlUnderTest(t, { clock: hurried });
  const texts = async () =>
    ((await ask('GET', '/v1/events/history')).body.happenings as Happening[]).map(
      ({ subject, text, cause }) => `${subject} ${text}: ${cause}`,
    );
  const told = (text: RegExp) => eventually(texts, (all) => all.some((line) => text.test(line)));
  await told(/^balancer started: version/);
  await ask('PUT', '/v1/environments/production', { body: {} });
  await told(/^production environment created/);
  await registry.join(joining('a', 'production'));
  await told(/^a joined production: started at 127/);
  await ask('POST', '/v1/projects', { body: sampleProject('pets') });
  await told(/^pets revision 1 pushed/);
  await ask('PUT', '/v1/environments/production/deployments/pets');
  await told(/^production pets revision 1 deployed: version 0 → 1/);
  live.push(seen('a', 'production', { health: 'down', reason: 'connect refused' }));
  await told(/^a down: connect refused/);
  live[0] = seen('a', 'production', { health: 'ejected', reason: '5 failures in a row' });
  await told(/^a ejected: 5 failures in a row/);
  const { snapshot } = await registry.join(joining('a', 'production'));
  const projects = [{ name: 'pets', revision: 0, state: 'rejected' as const, error: 'no such policy' }];
  await registry.renew({
    id: 'a',
    instance: 'a-1',
    projects,
    ...(snapshot && { running: { epoch: snapshot.epoch, version: 1, hash: snapshot.hash } }),
  });
  await told(/^a rejected pets: no such policy/);
  await ask('DELETE', '/v1/environments/production/deployments/pets');
  await told(/^production pets undeployed/);
  await registry.leave('a', 'a-1');
  await told(/^a left production: it stopped/);
  await ask('DELETE', '/v1/environments/production?force=true');
  await told(/^production environment deleted/);
  const all = await texts();
  t.match(all.at(-1), /^balancer started/, 'the oldest last');
  const { body } = await ask('GET', '/v1/events/history?limit=1');
  t.equal(body.happenings.length, 1);
  t.equal((await ask('GET', '/v1/events/history?limit=none')).status, 422);
  t.equal((await ask('GET', '/v1/events/history', { headers: { authorization: '' } })).status, 401);
});

test('a burst is kept to its end, no more than fit, and over a restart', async (t) => {
  const path = join(t.testdir({}), 'data', 'journal.json');
  const lines: string[] = [];
  const journal = await Journal.open(hurried, logTo(lines), new JournalFile(path));
  for (let count = 0; count < 3 * mostHappenings; count++) journal.record([happening(`event ${count}`)]);
  t.equal(journal.happenings.length, mostHappenings);
  await journal.close();
  t.equal(statSync(path).mode & 0o777, 0o600);
  const again = await Journal.open(hurried, logTo(lines), new JournalFile(path));
  t.same(again.happenings, journal.happenings);
  t.equal(again.happenings.at(-1)?.text, `event ${3 * mostHappenings - 1}`);
  await again.close();
  t.same(lines, []);
});

test('a journal that is damaged, or cannot be written, costs the past and nothing else', async (t) => {
  const lines: string[] = [];
  const folder = t.testdir({});
  const path = join(folder, 'journal.json');
  for (const text of ['', '{', '[]', '{"happenings":[{"at":"x"}]}', 'ÿ'.repeat(1000)]) {
    writeFileSync(path, text);
    const journal = await Journal.open(hurried, logTo(lines), new JournalFile(path));
    t.same(journal.happenings, [], JSON.stringify(text.slice(0, 10)));
    t.match(lines.splice(0).join(), /begins anew/);
    journal.record([happening('goes on')]);
    await journal.close();
    t.match(readFileSync(path, 'utf8'), /goes on/);
  }
  // A folder in its place: as with a full disk, nothing can be written there.
  const blocked = join(folder, 'blocked.json');
  mkdirSync(join(blocked, 'x'), { recursive: true });
  const journal = await Journal.open(hurried, logTo(lines), new JournalFile(blocked));
  lines.splice(0);
  journal.record([happening('one')]);
  await journal.close();
  journal.record([happening('two')]);
  await journal.close();
  t.equal(lines.length, 1, 'said once');
  t.match(lines[0], /cannot be written/);
  t.equal(journal.happenings.length, 2);
});

test('a restarted control tells what happened before', async (t) => {
  const path = join(t.testdir({}), 'journal.json');
  // An own folder each: the files of a test are made anew for each control.
  const first = await Journal.open(hurried, logTo([]), new JournalFile(path));
  first.record([happening('before the restart')]);
  await first.close();
  const text = readFileSync(path, 'utf8');
  const { ask } = await controlUnderTest(t, { clock: hurried, files: { 'journal.json': text }, journalFile: path });
  const { body } = await ask('GET', '/v1/events/history');
  t.match(body.happenings, [{ text: 'started' }, { text: 'before the restart' }]);
});
