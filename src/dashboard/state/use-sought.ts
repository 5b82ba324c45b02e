import { effect, untracked } from '@preact/signals';
import { useLayoutEffect } from 'preact/hooks';
import { type Place, sought } from './place.ts';

/**
 * Calls `open` with the name of each object of a view that a link leads to. That happens when the view is mounted, not after it was painted:
 * by then the place could have been focused, and be sought no longer.
 */
export function useSought(view: Place['view'], open: (name: string) => void): void {
  useLayoutEffect(
    () =>
      effect(() => {
        const { view: wanted, name } = sought.value ?? {};
        if (wanted === view && name !== undefined) untracked(() => open(name));
      }),
    [],
  );
}
