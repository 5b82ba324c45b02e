import { render } from 'preact';
import { App } from './app.tsx';
import { readEverything } from './readings.ts';
import { signIn } from './session.ts';
import { tokenFromLink } from './sign-in.tsx';
import { applyTheme } from './theme.ts';

applyTheme();
const token = tokenFromLink();
if (token === undefined) void readEverything();
else void signIn(token).catch(() => readEverything());
render(<App />, document.getElementById('app') as HTMLElement);
