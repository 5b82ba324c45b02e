import { useSignal } from '@preact/signals';
import { notify } from '../state/notices.ts';

/** A shell command with a button that copies it. */
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
      // Browsers deny the clipboard to pages loaded without TLS: the command is selected, for copying by hand.
      if (code) getSelection()?.selectAllChildren(code);
      notify('Selected: copy it with Ctrl+C', false);
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

/** The command that starts a gateway server which joins this balancer. Run on another machine it needs the join token as well. */
export function joinCommand(environment?: string): string {
  return `sluice gateway --join ${location.origin}${environment === undefined ? '' : ` --environment ${environment}`}`;
}
