import { signal } from '@preact/signals';
import { setOpen } from './folds.ts';

/** A place in the page: a view, an object in it, and a server of that environment. `banners` are above every view. */
export interface Place {
  readonly view: 'overview' | 'projects' | 'activity' | 'banners';
  readonly name?: string;
  readonly server?: string;
}

/** The place that a link leads to, until the page has shown it. */
export const sought = signal<Place | undefined>(undefined);

/** A place as the fragment of an address: `#overview/production/gw-1`. */
export function hashOf({ view, name, server }: Place): string {
  return `#${[view, name, server].flatMap((part) => (part === undefined ? [] : [encodeURIComponent(part)])).join('/')}`;
}

/** Reads the fragment of an address; undefined if it is none of a place. */
export function placeIn(hash: string): Place | undefined {
  try {
    const [view, name, server] = hash.replace(/^#/, '').split('/').map(decodeURIComponent);
    if (view !== 'overview' && view !== 'projects' && view !== 'activity') return undefined;
    return { view, ...(name && { name }), ...(server && { server }) };
  } catch {
    return undefined;
  }
}

/** Focuses the element of a place and scrolls to it. Returns false if the page does not show it (yet). */
export function focusPlace({ view, name, server }: Place): boolean {
  const found = (attribute: string, value: string, within: ParentNode = document) =>
    within.querySelector<HTMLElement>(`[data-${attribute}="${CSS.escape(value)}"]`);
  if (view === 'banners') return focusElement(document.querySelector<HTMLElement>('.banners .banner'));
  if (name === undefined) return true;
  const object = found(view === 'projects' ? 'project' : 'environment', name);
  const row = object && server !== undefined ? found('server', server, object) : null;
  return focusElement(row ?? object);
}

/** Opens or folds the object of a place, and moves the focus to the button that undoes it: the button pressed is no longer there. */
export function toggleFold(place: { readonly view: 'overview' | 'projects'; readonly name: string }, open: boolean): void {
  const part = place.view === 'projects' ? 'project' : 'environment';
  setOpen(part, place.name, open);
  requestAnimationFrame(() => {
    document.querySelector<HTMLElement>(`[data-${part}="${CSS.escape(place.name)}"] [aria-expanded]`)?.focus();
  });
}

function focusElement(element: HTMLElement | null): boolean {
  if (element === null) return false;
  element.tabIndex = -1;
  element.focus({ preventScroll: true });
  element.scrollIntoView({ block: element.matches('[data-server]') ? 'center' : 'start' });
  return true;
}
