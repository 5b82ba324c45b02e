import { PackedText } from '../control/routes/packed-text.ts';
import type { Page } from '../control/routes/page-routes.ts';
import { SluiceError } from '../model/fault.ts';

/** Files that ship inside the program: the build embeds them (.ci/bundle.mjs), so that it needs none of them beside it. */
export interface Shipped {
  /** The dashboard. */
  readonly page: Page;
  /** config/openapi.json: the description of the admin API. */
  readonly openapi: PackedText;
  /** config/quickstart.yaml: the default configuration of `sluice up`. */
  readonly quickstart: string;
  /** config/hello-project.yaml: the project that `sluice up` deploys. */
  readonly sampleProject: string;
}

/** Defined by the build. The description and the files of the page are compressed by gzip, in base64. */
declare const SHIPPED: Omit<Shipped, 'page' | 'openapi'> & { readonly page: Readonly<Record<string, string>>; readonly openapi: string };

function packed(base64: string): PackedText {
  return new PackedText(Buffer.from(base64, 'base64'));
}

/** Returns the shipped files. Throws a `SluiceError` if the program runs from its sources, which have none. */
export function loadShipped(): Shipped {
  if (typeof SHIPPED !== 'undefined') {
    const page = Object.entries(SHIPPED.page).map(([path, text]) => [path, packed(text)]);
    return { ...SHIPPED, page: Object.fromEntries(page), openapi: packed(SHIPPED.openapi) };
  }
  throw new SluiceError('invalid', 'this command needs the built program: run "npm run build", then "node dist/sluice.mjs"');
}
