import { signal } from '@preact/signals';

/** The user's choices, by part of the page: true if it is open. They outlast updates of the page, and changes of the view. */
const choices = signal<ReadonlyMap<string, boolean>>(new Map());

/** A part of the page that can be folded. */
export type Foldable = 'environment' | 'project' | 'revisions' | 'consumer';

/** True if the part for an object is open. */
export function isOpen(part: Foldable, name: string, byDefault = false): boolean {
  return choices.value.get(`${part} ${name}`) ?? byDefault;
}

export function setOpen(part: Foldable, name: string, open: boolean): void {
  choices.value = new Map(choices.value).set(`${part} ${name}`, open);
}

/** Forgets all choices, at the end of a session. */
export function forgetFolds(): void {
  choices.value = new Map();
}
