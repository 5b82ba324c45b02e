import { createHash } from 'node:crypto';
import { cp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { checkedLine } from '../../src/model/checked-line.ts';
import { contentHash } from '../../src/model/content-hash.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { api, deployed } from '../contract/registry-samples.ts';
import { silentLogger as logger } from '../tools/fake-logger.ts';
import { ownFolder } from '../tools/own-folder.ts';

t.test('a journal that is cut at any octet loses only the change that was being written', async (t) => {
  const folder = ownFolder(t, { data: {} });
  const data = join(folder, 'data');
  const registry = await openRegistry({ url: `embedded:${data}`, logger });
  await deployed(registry, 'production', 'shop');
  const { length } = await readFile(join(data, 'registry.journal'));
  await registry.pushProject(api('shop', { version: '2' }));
  await registry.deploy('production', 'shop');
  await cp(data, join(folder, 'killed'), { recursive: true });
  await registry.close();
  const killed = join(folder, 'killed');
  await rm(join(killed, 'registry.lock'));
  const whole = await readFile(join(killed, 'registry.journal'));
  const ends = [...whole.keys()].filter((index) => whole[index] === 0x0a).map((index) => index + 1);
  // Both sides of each line's end, and some octets in between.
  const sizes = [...ends, ...ends.map((end) => end - 1), ...Array.from({ length: 12 }, (_, step) => length + 97 * step)];
  for (const size of sizes.filter((one) => one >= length && one <= whole.length)) {
    const one = join(folder, 'one');
    await cp(killed, one, { recursive: true });
    await writeFile(join(one, 'registry.journal'), whole.subarray(0, size));
    const again = await openRegistry({ url: `embedded:${one}`, logger });
    const { version } = await again.snapshotId('production');
    t.equal(version, size === whole.length ? 2 : 1);
    t.equal((await again.project('shop'))?.latest, size >= (ends.at(-2) as number) ? 2 : 1);
    await again.deploy('production', 'shop');
    await again.putEnvironment('later', {});
    await again.close();
    await rm(one, { recursive: true });
  }
});

t.test('a damaged journal is refused with its name, the reason and the remedy, and is left unchanged', async (t) => {
  const folder = ownFolder(t, { data: {} });
  const data = join(folder, 'data');
  const registry = await openRegistry({ url: `embedded:${data}`, logger });
  await deployed(registry, 'production', 'shop');
  await cp(data, join(folder, 'killed'), { recursive: true });
  await registry.close();
  const killed = join(folder, 'killed');
  await rm(join(killed, 'registry.lock'));
  const file = join(killed, 'registry.journal');
  const good = await readFile(file, 'utf8');
  const lines = good.split('\n');
  const cases: [string, string, RegExp][] = [
    ['one character changed', good.replace('/shop', '/shap'), /checksum/],
    ['a line missing', [lines[0], ...lines.slice(2)].join('\n'), /a change is missing/],
    ['the first line missing', lines.slice(1).join('\n'), /does not begin/],
    ['another registry', good.replace(lines[0] as string, checkedLine('{"journal":1,"epoch":"x","base":0}').trimEnd()), /does not belong/],
  ];
  for (const [what, content, reason] of cases) {
    await writeFile(file, content);
    await t.rejects(openRegistry({ url: `embedded:${killed}`, logger }), { code: 'invalid', message: reason }, what);
    await t.rejects(
      openRegistry({ url: `embedded:${killed}`, logger }),
      { message: /registry\.journal cannot be used: .*restore it/ },
      what,
    );
    t.equal(await readFile(file, 'utf8'), content, 'untouched');
  }
  await writeFile(file, `${good}\0\0\0\n`);
  const again = await openRegistry({ url: `embedded:${killed}`, logger });
  t.teardown(() => again.close());
  t.equal((await again.snapshot('production')).version, 1, 'pages of a torn line that never reached the disk');
});

t.test('the journal is made part of the file once it is longer, and a stop in between does no harm', async (t) => {
  const folder = ownFolder(t, { data: {} });
  const data = join(folder, 'data');
  const registry = await openRegistry({ url: `embedded:${data}`, logger });
  const text = 'x'.repeat(40_000);
  const sizeOf = async (name: string) => (await stat(join(data, name)).catch(() => ({ size: 0 }))).size;
  let before = Buffer.alloc(0);
  let most = 0;
  for (let round = 0; round < 80; round++) {
    if ((await sizeOf('registry.json')) < text.length) before = await readFile(join(data, 'registry.journal')).catch(() => before);
    await registry.putEnvironment('production', { variables: { text: `${text}${round}` } });
    most = Math.max(most, await sizeOf('registry.journal'));
  }
  t.ok(most < 1_300_000, `${most} octets at most`);
  t.ok((await sizeOf('registry.json')) > text.length);
  await registry.close();
  t.same(await readdir(data), ['registry.json']);
  await writeFile(join(data, 'registry.journal'), before);
  const again = await openRegistry({ url: `embedded:${data}`, logger });
  t.teardown(() => again.close());
  t.match((await again.environment('production'))?.spec.variables['text'], /x79$/);
});

t.test('revisions are in files of their own, which go with them; one that is lost or damaged harms only its project', async (t) => {
  const folder = ownFolder(t);
  const first = await openRegistry({ url: `embedded:${folder}`, logger });
  await deployed(first, 'production', 'shop');
  await deployed(first, 'production', 'other');
  const files = (await readdir(join(folder, 'revisions'))).sort();
  t.match(files, [/^other@1\./, /^shop@1\./]);
  await first.close();
  t.notMatch(await readFile(join(folder, 'registry.json'), 'utf8'), /"targets"/);
  await writeFile(join(folder, 'revisions', 'orphan@9.0123456789abcdef.json'), '{}');
  const shop = join(folder, 'revisions', files[1] as string);
  await writeFile(shop, (await readFile(shop, 'utf8')).replace('127.0.0.1', '127.0.0.2'));
  const second = await openRegistry({ url: `embedded:${folder}`, logger });
  t.same((await readdir(join(folder, 'revisions'))).sort(), files, 'what nothing refers to is removed');
  t.match((await second.snapshot('production')).projects, [{ name: 'other' }, { name: 'shop', fault: /damaged/ }]);
  await rm(shop);
  t.match(await second.revisions([{ name: 'shop', revision: 1 }]), [{ fault: /damaged/ }]);
  await second.close();
});

t.test('a file of the version before is read, and rewritten once', async (t) => {
  const folder = ownFolder(t);
  const hash = contentHash(api('shop'));
  const rows = [
    [
      'environment',
      'production',
      3,
      { input: {}, version: 1, hash, deployments: [{ name: 'shop', revision: 1, basePath: '/shop', history: [] }] },
    ],
    ['project', 'shop', 2, { latest: 1, revisions: [{ revision: 1, version: '', hash, createdAt: 1 }] }],
    ['revision', 'shop@1', 2, { project: api('shop'), hash, createdAt: 1 }],
  ];
  const content = `{"epoch":"e","revision":3,"documents":${JSON.stringify(rows)},"later":[]}`;
  const sum = createHash('sha256').update(content).digest('hex');
  await writeFile(join(folder, 'registry.json'), `{"format":1,"checksum":"${sum}","data":${content}}\n`);
  for (let start = 0; start < 2; start++) {
    const registry = await openRegistry({ url: `embedded:${folder}`, logger });
    t.match(await registry.snapshot('production'), { epoch: 'e', version: 1, projects: [{ name: 'shop', project: api('shop') }] });
    t.match(await registry.manifest('production'), { put: [{ name: 'shop', revision: 1 }] });
    await registry.close();
    t.match(await readFile(join(folder, 'registry.json'), 'utf8'), /^\{"format":2/);
  }
});
