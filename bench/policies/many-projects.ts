import { type Balancer, callBalancer } from '../contenders/sluice.ts';

/** Resources of each project. */
const resourcesEach = 10;
/** Calls of the admin API that run at a time. */
const atOnce = 8;
/** Number of projects that get requests: each has connections of its own to its target, and more connections cost by themselves. */
const busy = 10;

/** Deploys projects with ten resources each. Returns paths of all resources of ten projects that are far from each other. */
export async function deployMany(balancer: Balancer, count: number, upstream: number): Promise<readonly string[]> {
  let next = 0;
  const deploy = async () => {
    while (next < count) {
      const index = next++;
      const name = `p${index}`;
      const resources = Array.from({ length: resourcesEach }, (_, at) => ({ path: `/items-${at}/{id}` }));
      const targets = { default: { url: `http://127.0.0.1:${upstream}` } };
      await callBalancer(balancer, 'POST', '/v1/projects', { name, basePath: basePath(index), targets, resources });
      await callBalancer(balancer, 'PUT', `/v1/environments/production/deployments/${name}`, {});
    }
  };
  await Promise.all(Array.from({ length: atOnce }, deploy));
  return Array.from({ length: busy * resourcesEach }, (_, turn) => {
    const index = Math.floor(((turn % busy) * count) / busy);
    return `${basePath(index)}/items-${Math.floor(turn / busy)}/${1000 + turn}`;
  });
}

/** Base paths of the same length, so that those of many projects take no longer to read. */
function basePath(index: number): string {
  return `/team-${String(index % 97).padStart(2, '0')}/service-${String(index).padStart(5, '0')}`;
}
