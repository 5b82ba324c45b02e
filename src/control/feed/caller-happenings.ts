import type { Happening } from '../../api/answers.ts';
import type { Consumer } from '../../model/consumer.ts';
import type { Product } from '../../model/product.ts';
import type { CallerChange } from '../../registry/contract.ts';

/** Changes of consumers, and of products, that are described one by one. More of them at a time are counted: an import changes thousands. */
const mostDescribed = 20;

type Said = Pick<Happening, 'tone' | 'text' | 'cause'>;

/** Changes of consumers and products since they were described last. It holds few of them, however many there are. */
export class NotedCallers {
  readonly #described = new Map<CallerChange['kind'], CallerChange[]>();
  readonly #counts = new Map<CallerChange['kind'], { created: number; changed: number; deleted: number }>();

  note(changes: readonly CallerChange[]): void {
    for (const change of changes) {
      const { kind, before, after } = change;
      const counts = this.#counts.get(kind) ?? { created: 0, changed: 0, deleted: 0 };
      counts[before === undefined ? 'created' : after === undefined ? 'deleted' : 'changed']++;
      this.#counts.set(kind, counts);
      const described = this.#described.get(kind) ?? [];
      if (described.length <= mostDescribed) this.#described.set(kind, [...described, change]);
    }
  }

  /** Describes what was noted since the last call. Keys and passwords are named by their ids. */
  take(at: number): Happening[] {
    const found = [...this.#described].flatMap(([kind, changes]) =>
      changes.length > mostDescribed ? this.#summary(at, kind) : changes.flatMap((change) => described(at, change)),
    );
    this.#described.clear();
    this.#counts.clear();
    return found;
  }

  #summary(at: number, kind: CallerChange['kind']): Happening[] {
    const counted = Object.entries(this.#counts.get(kind) ?? {}).flatMap(([what, count]) => (count === 0 ? [] : [`${count} ${what}`]));
    return [{ at, kind, subject: `${kind}s`, tone: 'idle', text: counted.join(', ') }];
  }
}

function described(at: number, change: CallerChange): Happening[] {
  const { kind, name, before, after } = change;
  const about = { at, kind, subject: name };
  if (after === undefined) return before === undefined ? [] : [{ ...about, tone: 'warn', text: `${kind} deleted` }];
  const said = change.kind === 'consumer' ? consumerChanges(change.before, change.after) : productChanges(change.before, change.after);
  if (before === undefined) return [{ ...about, tone: 'good', text: `${kind} created` }, ...said.map((one) => ({ ...about, ...one }))];
  return said.map((one) => ({ ...about, ...one }));
}

function* credentialChanges(
  what: string,
  before: readonly { readonly id: string }[],
  after: readonly { readonly id: string }[],
): Generator<Said> {
  const earlier = new Map(before.map((one) => [one.id, JSON.stringify(one)]));
  for (const one of after) {
    const known = earlier.get(one.id);
    earlier.delete(one.id);
    if (known === undefined) yield { tone: 'good', text: `${what} ${one.id} added` };
    else if (known !== JSON.stringify(one)) yield { tone: 'idle', text: `${what} ${one.id} changed` };
  }
  for (const id of earlier.keys()) yield { tone: 'warn', text: `${what} ${id} revoked` };
}

function consumerChanges(before: Consumer | undefined, after: Consumer | undefined): Said[] {
  const { keys = [], passwords = [], products = [] } = before ?? {};
  const now = after?.products ?? [];
  return [
    ...credentialChanges('key', keys, after?.keys ?? []),
    ...credentialChanges('password', passwords, after?.passwords ?? []),
    ...now.filter((name) => !products.includes(name)).map((name): Said => ({ tone: 'good', text: `subscribed to ${name}` })),
    ...products.filter((name) => !now.includes(name)).map((name): Said => ({ tone: 'warn', text: `unsubscribed from ${name}` })),
  ];
}

function productChanges(before: Product | undefined, after: Product | undefined): Said[] {
  const [had, has] = [before?.projects ?? [], after?.projects ?? []];
  const added = has.filter((name) => !had.includes(name));
  const removed = had.filter((name) => !has.includes(name));
  const said: Said[] = [];
  if (added.length > 0) said.push({ tone: 'good', text: `has ${listed(added)}` });
  if (removed.length > 0) said.push({ tone: 'warn', text: `no longer has ${listed(removed)}` });
  for (const field of ['limit', 'quota'] as const)
    if (before?.[field] !== after?.[field])
      said.push({ tone: 'idle', text: `${field} ${before?.[field] ?? 'none'} → ${after?.[field] ?? 'none'}` });
  return said;
}

function listed(projects: readonly string[]): string {
  return projects.length > 5 ? `${projects.length} projects` : projects.join(', ');
}
