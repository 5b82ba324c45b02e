import { fileURLToPath } from 'node:url';
import type { Contender } from '../contender.ts';
import { answers } from '../nginx-upstreams.ts';
import { freePort, Launched } from '../processes.ts';
import { packageVersion } from '../versions.ts';

/** A proxy from npm in a minimal program: keep-alive, X-Forwarded-For, least connections. No health checks, no request id. */
export function npmPackage(name: string, packageName: string, program: string): Contender {
  return {
    name,
    logs: false,
    secures: false,
    available: () => packageVersion(packageName),
    async start({ upstreams, folder, cpu }) {
      const port = await freePort();
      const file = fileURLToPath(new URL(`../programs/${program}`, import.meta.url));
      const node = new Launched(process.execPath, [file, String(port), ...upstreams.map(String)], { folder, cpu });
      await node.until(() => answers(port));
      return { port, processes: [node], stop: () => node.stop() };
    },
  };
}
