import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

interface DisclosureProps {
  readonly label: ComponentChildren;
  /** Name for screen readers, where the label alone says too little. */
  readonly description?: string;
  readonly class?: string;
  /** Shown at the button. Pressing a button or link in it closes the panel, unless it is inside an element with `data-stay`. */
  readonly children: ComponentChildren;
}

/** Distance of a panel from its button and from the edges of the window, in CSS pixels. */
const gap = { button: 4, edge: 8 };

/** A button that opens a small panel. The panel closes on Escape, on a choice, and when the focus or pointer goes elsewhere. */
export function Disclosure({ label, description, class: look = 'button', children }: DisclosureProps) {
  const open = useSignal(false);
  const root = useRef<HTMLDivElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const focusButton = () => root.current?.querySelector('button')?.focus();
  // A layout effect runs before the next frame: Escape may follow right after the key that opened the panel.
  useLayoutEffect(() => {
    const [button, shown] = [root.current?.querySelector('button'), panel.current];
    if (!open.value || !button || !shown) return;
    // In the top layer no ancestor cuts the panel off.
    shown.showPopover();
    const place = () => placePanel(shown, button.getBoundingClientRect());
    place();
    const resized = new ResizeObserver(place);
    resized.observe(shown);
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
    addEventListener('resize', place);
    addEventListener('scroll', place, { capture: true, passive: true });
    return () => {
      resized.disconnect();
      removeEventListener('pointerdown', elsewhere);
      removeEventListener('focusin', elsewhere);
      removeEventListener('keydown', onKey);
      removeEventListener('resize', place);
      removeEventListener('scroll', place, { capture: true });
    };
  }, [open.value]);
  const isChoice = ({ target }: Event) => {
    const pressed = (target as Element).closest('button, a');
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
          ref={panel}
          popover="manual"
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

/** Places a panel below its button, or above it if there is more room, with the right edges aligned where the window allows it. */
function placePanel(panel: HTMLElement, button: DOMRect): void {
  const { clientWidth: width, clientHeight: height } = document.documentElement;
  const below = height - button.bottom - gap.button - gap.edge;
  const above = button.top - gap.button - gap.edge;
  const upwards = panel.scrollHeight > below && above > below;
  panel.style.maxHeight = `${Math.max(80, upwards ? above : below)}px`;
  const left = Math.max(gap.edge, Math.min(button.right, width - gap.edge) - panel.offsetWidth);
  const top = upwards ? button.top - gap.button - panel.offsetHeight : button.bottom + gap.button;
  panel.style.left = `${left}px`;
  panel.style.top = `${Math.max(gap.edge, Math.min(top, height - gap.edge - panel.offsetHeight))}px`;
}
