import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { test } from 'tap';
import { allPages, anchorsOf, linksOf } from '../tools/pages.ts';
import { root, textOf } from '../tools/source-files.ts';

/** Describes the fault of a link on a page; undefined if it has none. */
function faultOf(page: string, link: string): string | undefined {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : posix.join(posix.dirname(page), path);
  if (!existsSync(new URL(target, root))) return `${page}: ${link} leads nowhere`;
  if (anchor !== undefined && !anchorsOf(target).has(anchor)) return `${page}: ${target} has no heading for #${anchor}`;
  return undefined;
}

test('every link between pages leads somewhere, anchors included', async (t) => {
  const faults = allPages.flatMap((page) => linksOf(page).flatMap((link) => faultOf(page, link) ?? []));
  t.strictSame(faults, []);
  t.match(faultOf('README.md', 'docs/nowhere.md'), /leads nowhere/);
  t.match(faultOf('README.md', 'docs/request.md#nowhere'), /has no heading/);
});

test('every page is linked from the README', async (t) => {
  const linked = new Set(linksOf('README.md').map((link) => link.split('#')[0]));
  t.strictSame(
    allPages.filter((page) => page !== 'README.md' && !linked.has(page)),
    [],
  );
});

test('every page begins with its only title, followed by text', async (t) => {
  for (const page of allPages) {
    const text = textOf(page);
    t.match(text, /^# .+\n\n\S/, page);
    t.equal([...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^# /gm)].length, 1, `${page} has one title`);
  }
});
