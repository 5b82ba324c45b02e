import { useSignal } from '@preact/signals';
import { notify } from './notices.tsx';

/** A command to be copied, as it is typed. */
export function Command({ text }: { text: string }) {
  const copied = useSignal(false);
  const copy = async (event: MouseEvent) => {
    const code = (event.currentTarget as HTMLElement).previousElementSibling;
    try {
      await navigator.clipboard.writeText(text);
      copied.value = true;
      setTimeout(() => {
        copied.value = false;
      }, 2000);
      notify('Copied', false);
    } catch {
      // Browsers keep the clipboard from pages that came without TLS: what is marked can be copied by hand.
      if (code) getSelection()?.selectAllChildren(code);
      notify('Marked: copy it with Ctrl+C', false);
    }
  };
  return (
    <div class="command">
      <code>{text}</code>
      <button type="button" class="button quiet" aria-label={`Copy: ${text}`} onClick={(event) => void copy(event)}>
        {copied.value ? 'Copied' : 'Copy'}
      </button>
    </div>
  );
}

/** What starts a gateway server that joins here; on another machine the join token is asked for. */
export function joinCommand(environment?: string): string {
  return `sluice gateway --join ${location.origin}${environment === undefined ? '' : ` --environment ${environment}`}`;
}
