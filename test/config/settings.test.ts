import { test } from 'tap';
import type * as z from 'zod';
import { settingsTypes } from '../../config/settings-types.ts';
import type { configSchema } from '../../src/config/config-schema.ts';
import type { project } from '../../src/model/project.ts';
import type { BalancerSettings, ProjectFile } from '../../src/settings.ts';
import { textOf } from '../tools/source-files.ts';

/** Fails to compile unless `From` can be given where `To` is asked for. */
type Assignable<From extends To, To> = From;

// The types that users see, and those that the schemas infer, are the same in both directions.
export type Checked = [Assignable<BalancerSettings, z.input<typeof configSchema>>, Assignable<ProjectFile, z.input<typeof project>>];

test('src/settings.ts is current: `npm run schema` after changes', async (t) => {
  t.equal(textOf('src/settings.ts'), await settingsTypes());
});
