import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ApiError } from './state/api.ts';
import { signIn } from './state/session.ts';
import { signInReason } from './state/state.ts';
import { Mark } from './widgets/mark.tsx';

/** The token in the page's address (`#token=…`), if any. Removes it from the address, so that it is not shown or bookmarked. */
export function tokenFromLink(): string | undefined {
  const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? undefined;
  if (token !== undefined) history.replaceState(null, '', location.pathname);
  return token;
}

/** The sign-in form, which asks for the admin token. */
export function SignIn() {
  const problem = useSignal('');
  const busy = useSignal(false);
  /** Seconds until the next attempt is allowed. */
  const wait = useSignal(0);
  useEffect(() => {
    const countdown = setInterval(() => {
      if (wait.value > 0) wait.value--;
    }, 1000);
    return () => clearInterval(countdown);
  }, []);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem('token') as HTMLInputElement;
    busy.value = true;
    problem.value = '';
    try {
      await signIn(field.value.trim());
    } catch (error) {
      if (error instanceof ApiError) wait.value = error.retryAfter;
      problem.value = describe(error);
      field.select();
    }
    busy.value = false;
  };
  return (
    <main class="sign-in">
      <form class="panel" onSubmit={submit}>
        <Mark />
        <h1>Sign in to Sluice</h1>
        {signInReason.value !== '' && (
          <p class="banner tone-warn" role="status">
            {signInReason.value}
          </p>
        )}
        <p class="muted">
          Use the admin token: the value of <code>SLUICE_ADMIN_TOKEN</code>, or the content of <code>data/admin.token</code> on the
          balancer’s machine.
        </p>
        <label class="field">
          <span>Admin token</span>
          <input
            name="token"
            type="password"
            autocomplete="current-password"
            required
            autofocus
            spellcheck={false}
            aria-describedby="sign-in-problem"
          />
        </label>
        <p id="sign-in-problem" class="problem" role="alert">
          {problem.value}
        </p>
        <button type="submit" class="button primary wide" disabled={busy.value || wait.value > 0}>
          {wait.value > 0 ? `Try again in ${wait.value} s` : 'Sign in'}
        </button>
      </form>
    </main>
  );
}

function describe(error: unknown): string {
  if (!(error instanceof ApiError)) return String((error as Error).message);
  if (error.status === 401) return 'That is not the admin token.';
  if (error.status === 429) return 'Too many wrong tokens came from your address. Try again in a moment.';
  return error.message;
}
