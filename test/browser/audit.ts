import axe from 'axe-core';
import type { Page } from 'playwright-core';
import type { Test } from 'tap';
import { resizeWindow, sizes, takePicture } from './browser.ts';

/** The parts of axe-core's answer that are read here. */
interface Findings {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
  readonly passes: readonly unknown[];
}

/**
 * Checks the open page against WCAG 2.2 (A, AA) and axe-core's best practices: desktop and phone, light and dark. There and at 200 %
 * zoom (half the width in CSS pixels) nothing may be wider than the window. Saves screenshots.
 */
export async function audit(t: Test, page: Page, name: string): Promise<void> {
  // Injected by the debugger protocol: the page's content policy forbids foreign scripts, and is not loosened for tests.
  await page.evaluate(axe.source);
  for (const [size, viewport] of Object.entries(sizes)) {
    await resizeWindow(page, viewport);
    await fitsWindow(t, page, `${name}, ${size}`);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      const found = (await page.evaluate(
        "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })",
      )) as Findings;
      const faults = found.violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 120)} ${failureSummary}`),
      );
      t.ok(found.passes.length > 10, `${name}: axe-core has checked the page`);
      t.same(faults, [], `${name}, ${size}, ${colorScheme}: accessible`);
      await takePicture(page, `${name}-${size}-${colorScheme}`, size === 'phone');
    }
  }
  await resizeWindow(page, { width: sizes.desktop.width / 2, height: sizes.desktop.height / 2 });
  await fitsWindow(t, page, `${name}, at 200 %`);
  await resizeWindow(page, sizes.desktop);
  await page.emulateMedia({ colorScheme: 'light' });
}

async function fitsWindow(t: Test, page: Page, name: string): Promise<void> {
  const excess = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
  t.equal(excess, 0, `${name}: nothing is cut off`);
}
