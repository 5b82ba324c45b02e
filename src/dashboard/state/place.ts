import { signal } from '@preact/signals';
import { setOpen } from './folds.ts';

const views = ['overview', 'projects', 'project', 'consumers', 'activity'] as const;
/** Attribute of the elements that show an object of a view: `data-project`. */
const parts = { overview: 'environment', projects: 'project', project: 'project', consumers: 'consumer', activity: 'none' } as const;

/** A place in the page: a view, an object in it, and a server of that environment. `banners` are above every view. */
export interface Place {
  readonly view: (typeof views)[number] | 'banners';
  readonly name?: string;
  readonly server?: string;
  /** The environment of which the page of a project shows counts. */
  readonly environment?: string;
}

/** The place that a link leads to, until the page has shown it. */
export const sought = signal<Place | undefined>(undefined);

/** Name of the project whose page is shown. */
export const shownProject = signal('');

/** A place as the fragment of an address: `#overview/production/gw-1`. */
export function hashOf({ view, name, server, environment }: Place): string {
  return `#${[view, name, server ?? environment].flatMap((part) => (part === undefined ? [] : [encodeURIComponent(part)])).join('/')}`;
}

/** Reads the fragment of an address; undefined if it is none of a place. */
export function placeIn(hash: string): Place | undefined {
  try {
    const [wanted, name, third] = hash.replace(/^#/, '').split('/').map(decodeURIComponent);
    const view = views.find((one) => one === wanted);
    if (view === undefined) return undefined;
    return { view, ...(name && { name }), ...(third && (view === 'project' ? { environment: third } : { server: third })) };
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
  const object = found(parts[view], name);
  const row = object && server !== undefined ? found('server', server, object) : null;
  return focusElement(row ?? object);
}

/** Opens or folds the object of a place, and moves the focus to the button that undoes it: the button pressed is no longer there. */
export function toggleFold(place: { readonly view: 'overview' | 'projects' | 'consumers'; readonly name: string }, open: boolean): void {
  const part = parts[place.view];
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
