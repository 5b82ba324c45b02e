import { eventually } from '../tools/eventually.ts';
import { reload } from '../tools/reload.ts';
import { type Scenario, since } from './scenario.ts';
import type { SecureClients } from './secure-clients.ts';
import type { Stage } from './stage.ts';

/** Certificates of a listener are replaced while clients keep connections, open new ones and resume sessions. */
const replacements = [2, 0].map(
  (workers): Scenario => ({
    name: `certificates are replaced, by files and by reloads (workers: ${workers})`,
    stage: { registry: 'embedded', secured: 'files', workers },
    waits: true,
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
  }),
);

/** Two balancers share the certificate. The authority wants each one to be renewed at once; Sluice waits for a twentieth of its lifetime. */
const renewals = [2, 0].map(
  (workers): Scenario => ({
    name: `certificates are renewed by ACME under load (workers: ${workers})`,
    stage: { registry: 'redis', second: 'present', secured: 'acme', workers },
    waits: true,
    bar: { convergeMs: 15_000 },
    async run(stage) {
      const seen = new Set<string>();
      let longestMs = 0;
      for (let certificate = 0; certificate <= stage.times(6); certificate++) {
        longestMs = Math.max(longestMs, await anotherIsServed(stage, seen));
        await everyLoad(stage);
      }
      return { convergeMs: longestMs };
    },
  }),
);

export const certificateScenarios = [...replacements, ...renewals];

/** Resolves when new clients get this certificate. */
async function served(stage: Stage, fingerprint: string): Promise<void> {
  const { clients } = stage.certificates;
  await eventually(
    () => fingerprints(stage, clients),
    (all) => all.every((one) => one === fingerprint),
    { what: 'new clients to get the new certificate' },
  );
}

/** Resolves when all new clients get one certificate that is not in `seen`, and adds it. Resolves to the milliseconds since the first client got a new one. */
async function anotherIsServed(stage: Stage, seen: Set<string>): Promise<number> {
  const { clients } = stage.authority;
  let begun: number | undefined;
  const [fingerprint = ''] = await eventually(
    () => fingerprints(stage, clients),
    (all) => {
      if (all.some((one) => !seen.has(one))) begun ??= performance.now();
      return all.every((one) => one === all[0] && !seen.has(one));
    },
    { what: 'new clients to get the renewed certificate' },
  );
  seen.add(fingerprint);
  return begun === undefined ? 0 : since(begun);
}

/** Fingerprints that new clients get from each balancer: of several workers, each in turn. */
function fingerprints({ balancers }: Stage, clients: SecureClients): Promise<string[]> {
  return Promise.all(balancers.flatMap(({ address }) => Array.from({ length: 8 }, () => clients.served(address))));
}

/** Resolves when every load has had more answers, and sessions were resumed. */
async function everyLoad({ loads }: Stage): Promise<void> {
  await Promise.all(
    loads.map(async (load) => {
      const { resumed } = load.counts;
      await load.more(50);
      if (load.connections === 'resumed') await load.until((counts) => counts.resumed > resumed + 10);
      else if (load.connections === 'new' && load.counts.resumed > 0) throw new Error('a new connection resumed a session');
    }),
  );
}
