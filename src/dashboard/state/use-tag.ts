import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { callTagged } from './api.ts';

/** The entity tag of what a path holds, read when a dialog opens: a later change by someone else must be seen before what the dialog does. */
export interface OpeningTag {
  /** Rejects if it could not be read. Undefined: the answer had none. */
  tag(): Promise<string | undefined>;
  readAgain(): Promise<string | undefined>;
}

/** Reads the entity tag of `path` when the component is first shown. */
export function useTag(path: string): OpeningTag {
  const reading = useSignal<Promise<string | undefined>>(Promise.resolve(undefined));
  const readAgain = () => {
    const begun = callTagged('GET', path).then(({ etag }) => etag);
    // Without a tag the reading fails again when the form is sent, and the reason is shown then.
    begun.catch(() => undefined);
    reading.value = begun;
    return begun;
  };
  useEffect(() => void readAgain(), []);
  return { tag: () => reading.value, readAgain };
}
