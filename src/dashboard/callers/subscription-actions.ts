import { call, pathOf } from '../state/api.ts';
import { attempt } from '../state/attempt.ts';
import { readCallers } from '../state/callers.ts';

const pathOfSubscription = (product: string, consumer: string) => pathOf('v1', 'products', product, 'subscriptions', consumer);

export async function subscribe(product: string, consumer: string): Promise<void> {
  await attempt(() => call('PUT', pathOfSubscription(product, consumer)), `${consumer} subscribed to ${product}`);
  await readCallers();
}

export async function unsubscribe(product: string, consumer: string): Promise<void> {
  await attempt(() => call('DELETE', pathOfSubscription(product, consumer)), `${consumer} no longer subscribes to ${product}`);
  await readCallers();
}
