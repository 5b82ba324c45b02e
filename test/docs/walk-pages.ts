import t, { test } from 'tap';
import { allPages, blocksOf } from '../tools/pages.ts';
import { follow } from './follow.ts';
import { Walk } from './walk.ts';

/** Walks only pages with this in their name, for the author of a page. */
const wanted = process.env['SLUICE_TEST_PAGE'] ?? '';

/** Defines a test for each page of docs/ that `belongs` and has commands. It runs them from top to bottom in one folder. */
export function walkPages(belongs: (page: string) => boolean): void {
  const pages = allPages.filter(
    (page) =>
      page !== 'README.md' && belongs(page) && blocksOf(page).some(({ language, role }) => language === 'sh' && role !== 'elsewhere'),
  );
  // Side by side: each walk has a folder, ports and processes of its own, and waits most of the time.
  t.jobs = 3;
  for (const page of pages.filter((one) => one.includes(wanted))) {
    // Takes seconds on an idle machine.
    test(`${page} works as a reader would follow it`, { timeout: 300_000 }, async (t) => {
      const walk = await Walk.begin(t);
      const { ran, compared } = await follow(t, walk, page, blocksOf(page));
      t.comment(`${ran} blocks of commands, ${compared} of output`);
    });
  }
  test('there are pages to walk', async (t) => {
    t.not(pages.length, 0);
  });
}
