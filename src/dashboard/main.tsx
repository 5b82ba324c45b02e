import { render } from 'preact';
import { App } from './app.tsx';
import { tokenFromLink } from './sign-in.tsx';
import { refresh, signIn } from './store.ts';
import { applyTheme } from './theme.ts';

applyTheme();
const token = tokenFromLink();
if (token === undefined) void refresh();
else void signIn(token).catch(() => refresh());
render(<App />, document.getElementById('app') as HTMLElement);
