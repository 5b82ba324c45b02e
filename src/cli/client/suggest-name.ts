import { nearest } from '../../config/nearest.ts';

/** Lists of the admin API whose entries have names, each with the key of the name. */
const lists = { environments: 'name', servers: 'id', projects: 'name', consumers: 'name', products: 'name' } as const;
type List = keyof typeof lists;
/** Lists that a path calls otherwise. */
const listOf: Readonly<Record<string, List>> = { deployments: 'projects', subscriptions: 'consumers' };

/** Reads a list of the admin API, such as `/v1/servers`. */
type ReadList = (path: string) => Promise<readonly Readonly<Record<string, string>>[]>;

/** An existing name that resembles the unknown name in the API path `path`; undefined if no name does. */
export async function suggestName(read: ReadList, path: string): Promise<string | undefined> {
  for (const { list, name } of namesIn(path)) {
    const known = (await read(`/v1/${list}`)).map((entry) => entry[lists[list]] ?? '');
    if (known.includes(name)) continue;
    const longer = known.filter((one) => one.startsWith(name));
    return nearest(name, known) ?? (longer.length === 1 ? longer[0] : undefined);
  }
  return undefined;
}

/** Names in a path of the API, each with the list it belongs to. */
function namesIn(path: string): { list: List; name: string }[] {
  const { pathname, searchParams } = new URL(path, 'http://balancer');
  const [, , ...segments] = pathname.split('/').map(decodeURIComponent);
  const found: { list: List; name: string }[] = [];
  for (let index = 0; index + 1 < segments.length; index += 2) {
    const list = listOf[segments[index] ?? ''] ?? segments[index];
    if (list !== undefined && Object.hasOwn(lists, list)) found.push({ list: list as List, name: segments[index + 1] as string });
  }
  const environment = searchParams.get('environment');
  return environment === null ? found : [...found, { list: 'environments', name: environment }];
}
