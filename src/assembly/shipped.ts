import type { Page } from '../control/routes/page-routes.ts';
import { SluiceError } from '../model/fault.ts';

/** The files that Sluice brings along; the build puts them into the program (.ci/bundle.mjs), so that it needs none beside it. */
export interface Shipped {
  /** The dashboard. */
  readonly page: Page;
  /** config/quickstart.yaml: what `sluice up` takes unless told otherwise. */
  readonly quickstart: string;
  /** config/hello-project.yaml: what `sluice up` deploys. */
  readonly sampleProject: string;
}

/** Put in place by the build. */
declare const SHIPPED: Shipped;

/** Throws a `SluiceError` in a program that runs from its sources. */
export function loadShipped(): Shipped {
  if (typeof SHIPPED !== 'undefined') return SHIPPED;
  throw new SluiceError('invalid', 'the sources do not run by themselves: "npm run build", then "node dist/sluice.mjs"');
}
