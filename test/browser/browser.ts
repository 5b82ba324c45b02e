import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import type { Test } from 'tap';
import { eventually } from '../tools/eventually.ts';
import { findChromium } from '../tools/find-chromium.ts';
import type { Owner } from '../tools/owner.ts';

/** Folder for screenshots, to look at after a run; git-ignored. */
const pictures = fileURLToPath(new URL('../../.cache/pictures/', import.meta.url));

export const sizes = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } } as const;

const flags = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A Chromium with a fresh profile. `complaints` has its warnings and errors: of scripts, the content policy, failed loads. */
export interface Browser {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly complaints: string[];
}

/** Starts a browser, which the owner's teardown closes. `more` are other flags. If the owner is a test that failed, its output gets the content of the pages. */
export async function startBrowser(t: Owner & Partial<Pick<Test, 'passing' | 'comment'>>, more: readonly string[] = []): Promise<Browser> {
  const { program, env } = await findChromium();
  const profile = mkdtempSync(join(tmpdir(), 'sluice-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: program,
    headless: true,
    chromiumSandbox: false,
    args: [...flags, ...more],
    env: { ...process.env, ...env } as Record<string, string>,
    viewport: sizes.desktop,
    colorScheme: 'light',
    reducedMotion: 'reduce',
  });
  t.teardown(async () => {
    if (t.passing?.() === false) await commentContent(t, context);
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  });
  const complaints: string[] = [];
  const page = context.pages()[0] ?? (await context.newPage());
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.setDefaultTimeout(20_000);
  return { context, page, complaints };
}

/** Adds the content of every page to the output of a failed test. */
async function commentContent(t: Partial<Pick<Test, 'comment'>>, context: BrowserContext): Promise<void> {
  for (const page of context.pages()) {
    t.comment?.(`${page.url()} shows:\n${await page.locator('body').ariaSnapshot({ timeout: 2000 }).catch(String)}`);
  }
}

/** Resolves when an expression is true in the page. Unlike Playwright's own function, it respects the page's content policy. */
export async function holds(page: Page, expression: string): Promise<void> {
  await eventually(
    () => page.evaluate(expression),
    (value) => value === true,
    { what: expression },
  );
}

/** Waits until the page has drawn itself: charts and menus follow a change of size in the frame after its event. */
export async function untilDrawn(page: Page): Promise<void> {
  await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))');
}

/** Gives the window another size, and waits until the page has drawn itself for that size. The page is scrolled to its top. */
export async function resizeWindow(page: Page, viewport: { width: number; height: number }): Promise<void> {
  await page.setViewportSize(viewport);
  await page.evaluate("scrollTo({ top: 0, behavior: 'instant' })");
  await untilDrawn(page);
}

/** Saves a screenshot of the page. */
export async function takePicture(page: Page, name: string, fullPage = false): Promise<void> {
  mkdirSync(pictures, { recursive: true });
  await untilDrawn(page);
  await page.screenshot({ path: `${pictures}${name}.png`, fullPage });
}

/** Saves screenshots of the page in light and dark, at desktop and phone width. */
export async function takePictures(page: Page, name: string): Promise<void> {
  for (const [size, viewport] of Object.entries(sizes)) {
    await resizeWindow(page, viewport);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await takePicture(page, `${name}-${size}-${colorScheme}`, size === 'phone');
    }
  }
  await resizeWindow(page, sizes.desktop);
  await page.emulateMedia({ colorScheme: 'light' });
}
