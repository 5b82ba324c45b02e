import { render } from 'preact';
import { App } from './app.tsx';
import { tokenFromLink } from './sign-in.tsx';
import { refreshAll } from './state/refresh.ts';
import { signIn } from './state/session.ts';
import { inheritSessionKey } from './state/session-key.ts';
import { applyTheme } from './state/theme.ts';

applyTheme();
const token = tokenFromLink();
if (token === undefined) void inheritSessionKey().then(refreshAll);
else void signIn(token).catch(() => refreshAll());
render(<App />, document.getElementById('app') as HTMLElement);
