import { writeFileSync } from 'node:fs';
import { root } from '../tools/source-files.ts';
import { cliPage } from './cli-page.ts';

writeFileSync(new URL('docs/cli.md', root), cliPage());
