import { test } from 'tap';
import { parse } from 'yaml';
import { diffLines } from '../../src/dashboard/projects/line-diff.ts';
import { writeProject } from '../../src/dashboard/projects/project-text.ts';
import fc from '../tools/fast-check.ts';

const written = (before: string[], after: string[]) =>
  diffLines(before, after).map(({ kind, text }) => `${{ same: ' ', added: '+', removed: '-' }[kind]}${text}`);

test('a difference shows removed and added lines at their places', async (t) => {
  t.same(written(['a', 'b', 'c'], ['a', 'x', 'c', 'd']), [' a', '-b', '+x', ' c', '+d']);
  t.same(written([], ['a']), ['+a']);
  t.same(written(['a'], []), ['-a']);
  t.same(written(['a', 'a'], ['a']), [' a', '-a']);
});

test('a difference contains both texts in order, and removes and adds as few lines as possible', async () => {
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

test('of texts too long to compare, one follows the other', async (t) => {
  const lines = (word: string) => Array.from({ length: 3000 }, (_, index) => `${word} ${index}`);
  t.equal(diffLines(lines('x'), lines('y')).length, 6000);
});

test('a project is written like its YAML file, without empty fields', async (t) => {
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

test('the text of a project leaves nothing out of the settings of its policies', async (t) => {
  const written = (settings: unknown) => parse(writeProject({ policies: { proxyRequest: [{ one: settings }] } }).join('\n'));
  t.same(written({}), { policies: { proxyRequest: [{ one: {} }] } });
  t.same(writeProject({ policies: { proxyRequest: [{ one: ['/pets/{id}', ''] }] } })[2], '    - one: ["/pets/{id}", ""]');
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (settings) => {
      return JSON.stringify(written(settings)) === JSON.stringify({ policies: { proxyRequest: [{ one: settings }] } });
    }),
  );
});
