import { dismiss, notices } from '../state/notices.ts';

/** The notices on display; screen readers announce them. */
export function Notices() {
  return (
    <div class="notices" role="status">
      {notices.value.map(({ key, text, bad, action }) => (
        <div key={key} class={bad ? 'notice notice-bad' : 'notice'}>
          <span>{text}</span>
          {action && (
            <button
              type="button"
              class="button"
              onClick={() => {
                dismiss(key);
                action.run();
              }}
            >
              {action.label}
            </button>
          )}
          <button type="button" class="icon-button" aria-label="Dismiss" onClick={() => dismiss(key)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}
