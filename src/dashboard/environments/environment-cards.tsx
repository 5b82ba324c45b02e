import { useRef } from 'preact/hooks';
import { EnvironmentCard } from './environment-card.tsx';
import { useEnvironmentOrder } from './use-environment-order.ts';

/** A few environments, side by side. */
export function EnvironmentCards() {
  const cards = useRef<HTMLDivElement>(null);
  return (
    <div class="environments" ref={cards}>
      {useEnvironmentOrder(cards).map((environment) => (
        <EnvironmentCard key={environment.name} environment={environment} />
      ))}
    </div>
  );
}
