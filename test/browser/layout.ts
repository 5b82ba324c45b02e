import type { Page } from 'playwright-core';
import type { Test } from 'tap';
import { resizeWindow, takePicture } from './browser.ts';

/** Widths of a small phone, a tablet, a small and a common notebook, in CSS pixels, with the height of each. */
export const screens = [
  { width: 360, height: 640 },
  { width: 768, height: 1024 },
  { width: 1024, height: 700 },
  { width: 1440, height: 900 },
] as const;

/**
 * Finds, in the open page, every element that leaves the window or its card, and texts that cover each other. What an ancestor cuts off
 * on purpose counts only as far as it is visible; the comparison of revisions scrolls sideways by design. A dialog or menu lies over the
 * page, so texts are compared within one layer.
 */
const search = `(() => {
  const slack = 1, faults = [];
  const nameOf = (element) => element.tagName.toLowerCase() + (element.className && typeof element.className === 'string' ? '.' + element.className.trim().replace(/\\s+/g, '.') : '') + ' "' + (element.getAttribute('aria-label') ?? element.textContent).trim().slice(0, 50) + '"';
  const hidden = (element) => element.closest('.unseen, .skip, .diff > *, svg, option, [aria-hidden=true], [hidden]') !== null || !element.checkVisibility({ visibilityProperty: true });
  const cut = (rect, element) => {
    let { left, right, top, bottom } = rect;
    for (let at = element; at && at !== document.documentElement; at = at.parentElement) {
      if (at !== element || rect.ofText) {
        const style = getComputedStyle(at);
        if (style.overflowX !== 'visible' || style.overflowY !== 'visible') {
          const box = at.getBoundingClientRect();
          // An element that scrolls sideways without being meant to would hide what it cuts off.
          if (style.overflowX === 'hidden' || style.overflowX === 'clip' || at.closest('.diff, textarea')) { left = Math.max(left, box.left); right = Math.min(right, box.right); }
          top = Math.max(top, box.top); bottom = Math.min(bottom, box.bottom);
        }
      }
      if (at.matches('dialog, [popover], .notices, .top')) break;
    }
    return { left, right, top, bottom, empty: right - left < 0.5 || bottom - top < 0.5 };
  };
  const layerOf = (element) => element.closest('[popover], dialog, .notices, .top, .strip') ?? document.body;
  const texts = [];
  for (const element of document.querySelectorAll('body *')) {
    if (hidden(element)) continue;
    const whole = element.getBoundingClientRect();
    if (whole.width === 0 || whole.height === 0) continue;
    const box = cut(whole, element);
    if (!box.empty) {
      if (box.left < -slack || box.right > innerWidth + slack) faults.push(nameOf(element) + ' spans ' + Math.round(box.left) + ' to ' + Math.round(box.right) + ' of ' + innerWidth);
      if (element.matches('[popover], dialog, .disclosed, .notice') && (whole.top < -slack || whole.bottom > innerHeight + slack)) faults.push(nameOf(element) + ' spans ' + Math.round(whole.top) + ' to ' + Math.round(whole.bottom) + ' in height of ' + innerHeight);
      const frame = element.parentElement?.closest('.card, dialog, [popover], .disclosed, .notice, .chip, .badge, .button');
      if (frame && !element.matches('dialog') && !element.closest('[popover]')) {
        const outer = frame.getBoundingClientRect();
        if (box.left < outer.left - slack || box.right > outer.right + slack) faults.push(nameOf(element) + ' sticks out of ' + nameOf(frame));
      }
    }
    for (const node of element.childNodes) {
      if (node.nodeType !== 3 || node.data.trim() === '') continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const rect of range.getClientRects()) {
        const seen = cut({ left: rect.left, right: rect.right, top: rect.top, bottom: rect.bottom, ofText: true }, element);
        if (seen.empty) continue;
        const frame = element.closest('.chip, .badge, .button, button, a, .card, dialog, [popover], .notice, td');
        if (seen.left < -slack || seen.right > innerWidth + slack) faults.push('the text of ' + nameOf(element) + ' leaves the window');
        const outer = frame?.getBoundingClientRect();
        if (outer && (seen.left < outer.left - slack || seen.right > outer.right + slack)) faults.push('the text of ' + nameOf(element) + ' leaves ' + nameOf(frame));
        texts.push({ ...seen, element, layer: layerOf(element) });
      }
    }
  }
  for (let one = 0; one < texts.length; one++) for (let other = one + 1; other < texts.length; other++) {
    const [a, b] = [texts[one], texts[other]];
    if (a.layer !== b.layer || a.element === b.element) continue;
    const across = Math.min(a.right, b.right) - Math.max(a.left, b.left), down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (across > 2 && down > 4) faults.push(nameOf(a.element) + ' and ' + nameOf(b.element) + ' overlap');
  }
  return [...new Set(faults)];
})()`;

/** Checks the open page at every width of {@link screens}: nothing leaves the window or its frame, and no two texts overlap. Saves screenshots. */
export async function fitsEverywhere(t: Test, page: Page, name: string): Promise<void> {
  for (const screen of screens) {
    await resizeWindow(page, screen);
    const checked = (await page.evaluate('document.querySelectorAll("body *").length')) as number;
    t.ok(checked > 10, `${name}: the page is shown`);
    t.same(await page.evaluate(search), [], `${name}, ${screen.width} px wide: everything fits`);
    if (process.env['SLUICE_TEST_PICTURES'] !== undefined) {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await takePicture(page, `fits-${name}-${screen.width}-${colorScheme}`);
      }
      await page.emulateMedia({ colorScheme: 'light' });
    }
  }
  await resizeWindow(page, screens[3]);
}
