import { test } from 'tap';
import { follow } from './follow.ts';
import { allPages, blocksOf } from './pages.ts';
import { Walk } from './walk.ts';

/** Only pages with this in their name: for whoever is writing one. */
const wanted = process.env['SLUICE_TEST_PAGE'] ?? '';

/** A test for each page of docs/ that `belongs` and has commands: all of them, from top to bottom, in one folder. */
export function walkPages(belongs: (page: string) => boolean): void {
  const pages = allPages.filter(
    (page) => page !== 'README.md' && belongs(page) && blocksOf(page).some(({ language }) => language === 'sh'),
  );
  for (const page of pages.filter((one) => one.includes(wanted))) {
    // Seconds, but a machine may be busy with other things.
    test(`${page}, as somebody would follow it`, { timeout: 300_000 }, async (t) => {
      const walk = await Walk.begin(t);
      const { ran, compared } = await follow(t, walk, page, blocksOf(page));
      t.comment(`${ran} blocks of commands, ${compared} of output`);
    });
  }
  test('there are pages to walk', async (t) => {
    t.not(pages.length, 0);
  });
}
