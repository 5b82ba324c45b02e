import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { test } from 'tap';
import type { Happening } from '../../src/api/answers.ts';
import { maxHappenings } from '../../src/api/feed-messages.ts';
import { Journal } from '../../src/control/feed/journal.ts';
import { JournalFile } from '../../src/control/feed/journal-file.ts';
import { type Clock, systemClock } from '../../src/model/clock.ts';
import { eventually } from '../tools/eventually.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { controlUnderTest, joinRequest, liveServer, sampleProject } from './control-under-test.ts';

/** A clock whose timers run twenty times as fast. */
const fastClock: Clock = { ...systemClock, after: (delayMs, task) => systemClock.after(delayMs / 20, task) };
const happening = (text: string): Happening => ({ at: 1, kind: 'server', tone: 'good', subject: 'a', text });

function logTo(lines: string[]) {
  return pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
}

test('the history answers happenings from before the first request, newest first', async (t) => {
  const { registry, live, ask } = await controlUnderTest(t, { clock: fastClock });
  const texts = async () =>
    ((await ask('GET', '/v1/events/history')).body.happenings as Happening[]).map(
      ({ subject, text, cause }) => `${subject} ${text}: ${cause}`,
    );
  const recorded = (text: RegExp) => eventually(texts, (all) => all.some((line) => text.test(line)));
  await recorded(/^balancer started: version/);
  await ask('PUT', '/v1/environments/production', { body: {} });
  await recorded(/^production environment created/);
  await registry.join(joinRequest('a', 'production'));
  await recorded(/^a joined production: started at 127/);
  await ask('POST', '/v1/projects', { body: sampleProject('pets') });
  await recorded(/^pets revision 1 pushed/);
  await ask('PUT', '/v1/environments/production/deployments/pets');
  await recorded(/^production pets revision 1 deployed: version 0 → 1/);
  live.push(liveServer('a', 'production', { health: 'down', reason: 'connect refused' }));
  await recorded(/^a down: connect refused/);
  live[0] = liveServer('a', 'production', { health: 'ejected', reason: '5 failures in a row' });
  await recorded(/^a ejected: 5 failures in a row/);
  const { snapshot } = await registry.join(joinRequest('a', 'production'));
  const projects = [{ name: 'pets', revision: 0, state: 'rejected' as const, error: 'no such policy' }];
  await registry.renew({
    id: 'a',
    instance: 'a-1',
    projects,
    ...(snapshot && { running: { epoch: snapshot.epoch, version: 1, hash: snapshot.hash } }),
  });
  await recorded(/^a rejected pets: no such policy/);
  await ask('DELETE', '/v1/environments/production/deployments/pets');
  await recorded(/^production pets undeployed/);
  await registry.leave('a', 'a-1');
  await recorded(/^a left production: it stopped/);
  await ask('DELETE', '/v1/environments/production?force=true');
  await recorded(/^production environment deleted/);

  // Consumers and products, without their secrets.
  await ask('PUT', '/v1/consumers/anna', { body: {} });
  await recorded(/^anna consumer created/);
  const { key } = (await ask('POST', '/v1/consumers/anna/keys', { body: { id: 'spring' } })).body;
  await recorded(/^anna key spring added/);
  await ask('PUT', '/v1/products/gold', { body: { projects: ['pets', 'shop'], limit: '100/s' } });
  await recorded(/^gold product created/);
  await ask('PUT', '/v1/products/gold/subscriptions/anna');
  await recorded(/^anna subscribed to gold/);
  await ask('PUT', '/v1/products/gold', { body: { projects: ['pets'], limit: '200/s' } });
  await recorded(/^gold limit 100\/s → 200\/s/);
  await recorded(/^gold no longer has shop/);
  await ask('DELETE', '/v1/products/gold/subscriptions/anna');
  await recorded(/^anna unsubscribed from gold/);
  await ask('DELETE', '/v1/consumers/anna/keys/spring');
  await recorded(/^anna key spring revoked/);
  await ask('DELETE', '/v1/products/gold');
  await recorded(/^gold product deleted/);
  await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      registry.consumers?.putConsumer(`c-${index}`, {
        keys: [{ id: 'k', sha256: createHash('sha256').update(`${key}${index}`).digest('hex') }],
      }),
    ),
  );
  await recorded(/^consumers \d+ created/);
  const told = JSON.stringify((await ask('GET', '/v1/events/history')).body);
  for (const secret of [key, createHash('sha256').update(key).digest('hex')]) t.notOk(told.includes(secret), 'no key and no digest');
  const all = await texts();
  t.match(all.at(-1), /^balancer started/, 'the oldest is last');
  const { body } = await ask('GET', '/v1/events/history?limit=1');
  t.equal(body.happenings.length, 1);
  t.equal((await ask('GET', '/v1/events/history?limit=none')).status, 422);
  t.equal((await ask('GET', '/v1/events/history', { headers: { authorization: '' } })).status, 401);
});

test('the last happenings of a burst are kept, also over a restart', async (t) => {
  const path = join(ownFolder(t), 'data', 'journal.json');
  const lines: string[] = [];
  const journal = await Journal.open(fastClock, logTo(lines), new JournalFile(path));
  for (let count = 0; count < 3 * maxHappenings; count++) journal.record([happening(`event ${count}`)]);
  t.equal(journal.happenings.length, maxHappenings);
  await journal.close();
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.equal(statSync(dirname(path)).mode & 0o777, 0o700);
  const again = await Journal.open(fastClock, logTo(lines), new JournalFile(path));
  t.same(again.happenings, journal.happenings);
  t.equal(again.happenings.at(-1)?.text, `event ${3 * maxHappenings - 1}`);
  await again.close();
  t.same(lines, []);
});

test('a journal whose file is damaged or not writable works in memory', async (t) => {
  const lines: string[] = [];
  const folder = ownFolder(t);
  const path = join(folder, 'journal.json');
  for (const text of ['', '{', '[]', '{"happenings":[{"at":"x"}]}', 'ÿ'.repeat(1000)]) {
    writeFileSync(path, text);
    const journal = await Journal.open(fastClock, logTo(lines), new JournalFile(path));
    t.same(journal.happenings, [], JSON.stringify(text.slice(0, 10)));
    t.match(lines.splice(0).join(), /starts empty/);
    journal.record([happening('recorded later')]);
    await journal.close();
    t.match(readFileSync(path, 'utf8'), /recorded later/);
  }
  // A folder where the file should be makes every write fail, as a full disk does.
  const blocked = join(folder, 'blocked.json');
  mkdirSync(join(blocked, 'x'), { recursive: true });
  const journal = await Journal.open(fastClock, logTo(lines), new JournalFile(blocked));
  lines.splice(0);
  journal.record([happening('one')]);
  await journal.close();
  journal.record([happening('two')]);
  await journal.close();
  t.equal(lines.length, 1, 'logged once');
  t.match(lines[0], /cannot be written/);
  t.equal(journal.happenings.length, 2);
});

test('after a restart the history begins with earlier happenings', async (t) => {
  const path = join(ownFolder(t), 'journal.json');
  const first = await Journal.open(fastClock, logTo([]), new JournalFile(path));
  first.record([happening('before the restart')]);
  await first.close();
  const { ask } = await controlUnderTest(t, { clock: fastClock, journalFile: path });
  const { body } = await ask('GET', '/v1/events/history');
  t.match(body.happenings, [{ text: 'started' }, { text: 'before the restart' }]);
});
