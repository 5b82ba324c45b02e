import type { ComponentChildren } from 'preact';
import { focusPlace, hashOf, type Place, sought } from '../state/place.ts';

interface PlaceLinkProps {
  readonly place: Place;
  readonly class?: string;
  /** Name for screen readers, where the content alone says too little. */
  readonly description?: string;
  readonly children: ComponentChildren;
}

/** A link to a place in the page. It leads there again if the address is that of the place already. */
export function PlaceLink({ place, class: look, description, children }: PlaceLinkProps) {
  return (
    <a
      href={place.view === 'banners' ? '#banners' : hashOf(place)}
      class={look}
      aria-label={description}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        if (place.view === 'banners') {
          event.preventDefault();
          focusPlace(place);
        } else sought.value = { ...place };
      }}
    >
      {children}
    </a>
  );
}
