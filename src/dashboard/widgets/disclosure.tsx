import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

interface DisclosureProps {
  readonly label: ComponentChildren;
  /** Name for screen readers, where the label alone says too little. */
  readonly description?: string;
  readonly class?: string;
  /** Shown under the button. Pressing a button in it closes the panel, unless the button is inside an element with `data-stay`. */
  readonly children: ComponentChildren;
}

/** A button that opens a small panel. The panel closes on Escape, on a choice, and when the focus or pointer goes elsewhere. */
export function Disclosure({ label, description, class: look = 'button', children }: DisclosureProps) {
  const open = useSignal(false);
  const root = useRef<HTMLDivElement>(null);
  const focusButton = () => root.current?.querySelector('button')?.focus();
  // A layout effect runs before the next frame: Escape may follow right after the key that opened the panel.
  useLayoutEffect(() => {
    if (!open.value) return;
    const elsewhere = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) open.value = false;
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      focusButton();
      open.value = false;
    };
    addEventListener('pointerdown', elsewhere);
    addEventListener('focusin', elsewhere);
    addEventListener('keydown', onKey);
    return () => {
      removeEventListener('pointerdown', elsewhere);
      removeEventListener('focusin', elsewhere);
      removeEventListener('keydown', onKey);
    };
  }, [open.value]);
  const isChoice = ({ target }: Event) => {
    const pressed = (target as Element).closest('button');
    return pressed !== null && pressed.closest('[data-stay]') === null;
  };
  return (
    <div class="disclosure" ref={root}>
      <button
        type="button"
        class={look}
        aria-expanded={open.value}
        aria-label={description}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        {label}
      </button>
      {open.value && (
        // biome-ignore lint/a11y/noStaticElementInteractions lint/a11y/useKeyWithClickEvents: the clicks come from the buttons inside, which keys can press too
        <div
          class="disclosed"
          // In the capture phase, before the button acts: a dialog that it opens later returns the focus to where it is now.
          onClickCapture={(event) => {
            if (isChoice(event)) focusButton();
          }}
          onClick={(event) => {
            if (isChoice(event)) open.value = false;
          }}
        >
          {children}
        </div>
      )}
    </div>
  );
}
