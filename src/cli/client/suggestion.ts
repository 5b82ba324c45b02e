import { nearest } from '../../config/nearest.ts';
import type { ControlClient } from './control-client.ts';

/** The lists of the API whose entries have names, and the names' key. */
const lists = { environments: 'name', servers: 'id', projects: 'name' } as const;
type List = keyof typeof lists;

/** Names in a path of the API, by the list that they stand in. */
function namesIn(path: string): { list: List; name: string }[] {
  const { pathname, searchParams } = new URL(path, 'http://balancer');
  const [, , ...segments] = pathname.split('/').map(decodeURIComponent);
  const found: { list: List; name: string }[] = [];
  for (let index = 0; index + 1 < segments.length; index += 2) {
    const list = segments[index] === 'deployments' ? 'projects' : segments[index];
    if (list !== undefined && Object.hasOwn(lists, list)) found.push({ list: list as List, name: segments[index + 1] as string });
  }
  const environment = searchParams.get('environment');
  return environment === null ? found : [...found, { list: 'environments', name: environment }];
}

/** What may have been meant by the name in `path` that does not exist; undefined if nothing is like it. */
export async function suggest(client: Pick<ControlClient, 'get'>, path: string): Promise<string | undefined> {
  for (const { list, name } of namesIn(path)) {
    const known = (await client.get<Record<string, string>[]>(`/v1/${list}`)).map((entry) => entry[lists[list]] ?? '');
    if (known.includes(name)) continue;
    const longer = known.filter((one) => one.startsWith(name));
    return nearest(name, known) ?? (longer.length === 1 ? longer[0] : undefined);
  }
  return undefined;
}
