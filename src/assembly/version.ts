import { isSea } from 'node:sea';
import manifest from '../../package.json' with { type: 'json' };

/** Version of this program. */
export const version: string = manifest.version;

/** Version, kind of build, Node.js version and platform, for people. */
export const build: string = `${version} (${isSea() ? 'single executable' : 'script'}, Node.js ${process.versions.node}, ${process.platform}-${process.arch})`;
