import { render } from 'preact';
import { App } from './app.tsx';
import { tokenFromLink } from './sign-in.tsx';
import { readEverything } from './state/readings.ts';
import { signIn } from './state/session.ts';
import { applyTheme } from './state/theme.ts';

applyTheme();
const token = tokenFromLink();
if (token === undefined) void readEverything();
else void signIn(token).catch(() => readEverything());
render(<App />, document.getElementById('app') as HTMLElement);
