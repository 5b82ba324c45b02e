import { eventually } from '../tools/eventually.ts';
import { reload } from '../tools/reload.ts';
import { type Scenario, since } from './scenario.ts';
import type { Stage } from './stage.ts';

/** Certificates of a listener are replaced while clients keep connections, open new ones and resume sessions. */
export const certificateScenarios: readonly Scenario[] = [2, 0].map((workers) => ({
  name: `certificates are replaced, by files and by reloads (workers: ${workers})`,
  stage: { registry: 'embedded', secured: true, workers },
  bar: { convergeMs: 15_000 },
  async run(stage) {
    const { certificates, balancer } = stage;
    let longestMs = 0;
    const replaced = async (fingerprint: string) => {
      const begun = performance.now();
      await served(stage, fingerprint);
      longestMs = Math.max(longestMs, since(begun));
      await everyLoad(stage);
    };
    for (let round = 0; round < stage.times(3); round++) {
      await replaced(certificates.replace());
      // The files do not fit together for a while.
      certificates.spoil();
      const already = balancer.process.log.length;
      await balancer.process.logged((line) => balancer.process.log.indexOf(line) >= already && /stays in use/.test(line.msg ?? ''));
      await everyLoad(stage);
      const fingerprint = certificates.replace();
      await reload(balancer, () => {}, /configuration reloaded/);
      await replaced(fingerprint);
      const { certificate, key } = certificates.files;
      const files = { certificate: `${certificate}.${round}`, key: `${key}.${round}` };
      const renamed = certificates.replace(files);
      const named = (list: object[]) =>
        reload(
          balancer,
          (config) => Object.assign(config.environments['production'] ?? {}, { tls: { certificates: list } }),
          /configuration reloaded/,
        );
      await named([files]);
      await replaced(renamed);
      await named([certificates.files]);
      await replaced(fingerprint);
    }
    return { convergeMs: longestMs };
  },
}));

/** Resolves when new clients get this certificate: of several workers, each in turn. */
async function served({ certificates, balancer }: Stage, fingerprint: string): Promise<void> {
  await eventually(
    () => Promise.all(Array.from({ length: 8 }, () => certificates.served(balancer.address))),
    (fingerprints) => fingerprints.every((one) => one === fingerprint),
    { what: 'new clients to get the new certificate' },
  );
}

/** Resolves when every load has had more answers, and sessions were resumed. */
async function everyLoad({ loads }: Stage): Promise<void> {
  await Promise.all(
    loads.map(async (load) => {
      const { resumed } = load.counts;
      await load.more(50);
      if (load === loads[2]) await load.until((counts) => counts.resumed > resumed + 10);
      else if (load.counts.resumed > 0 && load === loads[1]) throw new Error('a new connection resumed a session');
    }),
  );
}
