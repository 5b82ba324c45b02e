import { isSea } from 'node:sea';
import manifest from '../../package.json' with { type: 'json' };

/** Of this program. */
export const version: string = manifest.version;

/** The version with how it was built and what it runs on, for people. */
export const build: string = `${version} (${isSea() ? 'single executable' : 'script'}, Node.js ${process.versions.node}, ${process.platform}-${process.arch})`;
