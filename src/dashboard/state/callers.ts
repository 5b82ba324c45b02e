import { signal } from '@preact/signals';
import type { ConsumerAnswer, ProductAnswer } from '../../api/caller-answers.ts';
import { CoalescedTask } from '../../model/coalesced-task.ts';
import { ApiError, call, pathOf } from './api.ts';
import { browserClock } from './browser-clock.ts';
import { refreshAll } from './refresh.ts';

/** Most consumers that the page reads at a time: a registry can have 100,000. */
export const mostRead = 50;
/** Pause between two readings while the user types, in milliseconds. */
const restMs = 100;

/** Undefined until they are read. */
export const products = signal<readonly ProductAnswer[] | undefined>(undefined);
/** The first consumers whose names have the text that is sought, one more than {@link mostRead} if there are more; undefined until they are read. */
export const consumers = signal<readonly ConsumerAnswer[] | undefined>(undefined);
/** Text in the names of the consumers to read. */
export const consumerSearch = signal('');
/** The first subscribers of each product whose card shows them. */
export const subscribers = signal<ReadonlyMap<string, readonly ConsumerAnswer[]>>(new Map());
/** Why consumers and products cannot be read; undefined: they can. */
export const callersFault = signal<string | undefined>(undefined);

/** Products whose subscribers are shown. */
const shown = new Set<string>();
const reading = new CoalescedTask({ clock: browserClock, run: read, rest: () => restMs });

async function read(): Promise<void> {
  const search = consumerSearch.value.trim();
  try {
    const [foundProducts, foundConsumers, ...lists] = await Promise.all([
      call<ProductAnswer[]>('GET', '/v1/products'),
      call<ConsumerAnswer[]>('GET', listPath({ ...(search !== '' && { search }) })),
      ...[...shown].map(async (product) => [product, await call<ConsumerAnswer[]>('GET', listPath({ product }))] as const),
    ]);
    products.value = foundProducts;
    consumers.value = foundConsumers;
    subscribers.value = new Map(lists);
    callersFault.value = undefined;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    callersFault.value = error.message;
    // The session has ended: this reading is refused as well, and shows the sign-in.
    if (error.status === 401) void refreshAll();
  }
}

function listPath(query: { search?: string; product?: string }): string {
  return `${pathOf('v1', 'consumers')}?${new URLSearchParams({ ...query, limit: String(mostRead + 1) })}`;
}

/** Reads consumers and products again. Resolves when the reading has ended. */
export function readCallers(): Promise<void> {
  return reading.now();
}

/** Reads the consumers whose names have a text. */
export function searchConsumers(text: string): void {
  consumerSearch.value = text;
  reading.soon(restMs);
}

/** Reads the subscribers of a product too, until the answer is called. */
export function followSubscribers(product: string): () => void {
  shown.add(product);
  reading.soon();
  return () => shown.delete(product);
}

/** Forgets everything that was read, at the end of a session. */
export function forgetCallers(): void {
  products.value = undefined;
  consumers.value = undefined;
  consumerSearch.value = '';
  subscribers.value = new Map();
  callersFault.value = undefined;
}
