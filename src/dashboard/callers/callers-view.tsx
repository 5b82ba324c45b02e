import { useEffect } from 'preact/hooks';
import { callersFault, readCallers } from '../state/callers.ts';
import { CallerUsage } from './caller-usage.tsx';
import { ConsumerList } from './consumer-list.tsx';
import { ProductList } from './product-list.tsx';

/** The view of consumers: programs and persons that call APIs, and the products that they subscribe to. */
export function CallersView() {
  useEffect(() => void readCallers(), []);
  return (
    <div class="view">
      {callersFault.value !== undefined && (
        <p class="problem" role="alert">
          Consumers and products cannot be read: {callersFault.value}
        </p>
      )}
      <ConsumerList />
      <CallerUsage />
      <ProductList />
    </div>
  );
}
