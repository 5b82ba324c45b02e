import { useSignal } from '@preact/signals';
import { Refusal } from './api.ts';
import { Mark } from './mark.tsx';
import { signIn } from './store.ts';

/** Signs in with the token of a link (`#token=…`), which leaves the address at once, or asks what is known of an earlier session. */
export function tokenFromLink(): string | undefined {
  const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? undefined;
  if (token !== undefined) history.replaceState(null, '', location.pathname);
  return token;
}

/** Asks for the admin token. */
export function SignIn() {
  const problem = useSignal('');
  const busy = useSignal(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    busy.value = true;
    problem.value = '';
    try {
      await signIn(String(new FormData(form).get('token')).trim());
    } catch (error) {
      problem.value = error instanceof Refusal && error.status === 401 ? 'That is not the admin token.' : String((error as Error).message);
    }
    busy.value = false;
  };
  return (
    <main class="sign-in">
      <form class="panel" onSubmit={submit}>
        <Mark />
        <h1>Sign in to Sluice</h1>
        <p class="muted">
          With the admin token: in <code>data/admin.token</code> unless configured otherwise.
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
        <button type="submit" class="button primary wide" disabled={busy.value}>
          Sign in
        </button>
      </form>
    </main>
  );
}
