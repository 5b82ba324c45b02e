import { readFileSync } from 'node:fs';
import type { Page } from '../control/page-routes.ts';

/** Put in place by the build (.ci/build.mjs). */
declare const BUILT_PAGE: Page;

/** The dashboard: built into the program, or, run from the sources, as last built; `undefined` if it never was. */
export function loadPage(): Page | undefined {
  if (typeof BUILT_PAGE !== 'undefined') return BUILT_PAGE;
  try {
    return JSON.parse(readFileSync(new URL('../../dist/dashboard.json', import.meta.url), 'utf8')) as Page;
  } catch {
    return undefined;
  }
}
