import fc from 'fast-check';
import { test } from 'tap';
import { parse } from 'yaml';
import { diffLines } from '../../src/dashboard/projects/line-diff.ts';
import { writeProject } from '../../src/dashboard/projects/project-text.ts';
import { coalesced } from '../../src/model/coalesce.ts';

const written = (before: string[], after: string[]) =>
  diffLines(before, after).map(({ kind, text }) => `${{ same: ' ', added: '+', removed: '-' }[kind]}${text}`);

test('the difference is what was removed and added, in its place', async (t) => {
  t.same(written(['a', 'b', 'c'], ['a', 'x', 'c', 'd']), [' a', '-b', '+x', ' c', '+d']);
  t.same(written([], ['a']), ['+a']);
  t.same(written(['a'], []), ['-a']);
  t.same(written(['a', 'a'], ['a']), [' a', '-a']);
});

test('a difference holds both texts, whole and in order, and no line is removed and added for nothing', async () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 });
  fc.assert(
    fc.property(text, text, (before, after) => {
      const lines = diffLines(before, after);
      const without = (kind: string) => lines.filter((line) => line.kind !== kind).map((line) => line.text);
      const same = lines.filter(({ kind }) => kind === 'same').length;
      return (
        without('added').join() === before.join() && without('removed').join() === after.join() && same === longestCommon(before, after)
      );
    }),
  );
});

function longestCommon([first, ...rest]: readonly string[], other: readonly string[]): number {
  if (first === undefined) return 0;
  const at = other.indexOf(first);
  const skipped = longestCommon(rest, other);
  return at === -1 ? skipped : Math.max(skipped, 1 + longestCommon(rest, other.slice(at + 1)));
}

test('texts too long to compare are shown one after the other', async (t) => {
  const lines = (word: string) => Array.from({ length: 3000 }, (_, index) => `${word} ${index}`);
  t.equal(diffLines(lines('x'), lines('y')).length, 6000);
});

test('a project reads as its file does, without what is empty', async (t) => {
  const project = {
    name: 'echo',
    version: '',
    basePath: '/echo',
    targets: { default: { urls: [{ url: 'http://127.0.0.1:1', weight: 2 }] } },
    resources: [{ path: '/pets/{id}', methods: ['GET', 'PUT'], policies: { proxyRequest: [] } }],
    forwardBasePath: false,
    policies: { proxyRequest: [{ headers: { set: { 'x-y': 'true', 'x z': 'a: b' } } }], proxyResponse: [] },
  };
  const lines = writeProject(project);
  t.notMatch(lines.join('\n'), /version|proxyResponse/);
  const { version, ...rest } = project;
  t.same(parse(lines.join('\n')), {
    ...rest,
    resources: [{ path: '/pets/{id}', methods: ['GET', 'PUT'] }],
    policies: { proxyRequest: project.policies.proxyRequest },
  });
  t.equal(version, '');
});

test('however often it is asked for, it runs one at a time and once more', async (t) => {
  const waiting: (() => void)[] = [];
  let runs = 0;
  const run = coalesced(async () => {
    runs++;
    await new Promise<void>((resolve) => waiting.push(resolve));
  });
  const all = [run(), run(), run()];
  t.equal(runs, 1);
  waiting.shift()?.();
  while (runs < 2) await Promise.resolve();
  waiting.shift()?.();
  await Promise.all(all);
  t.equal(runs, 2);
  const later = run();
  waiting.shift()?.();
  await later;
  t.equal(runs, 3);
});
