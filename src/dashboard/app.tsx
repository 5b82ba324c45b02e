import { effect, signal, useSignalEffect } from '@preact/signals';
import type { ComponentType } from 'preact';
import { Activity } from './activity.tsx';
import { CallersView } from './callers/callers-view.tsx';
import { Overview } from './overview.tsx';
import { ProjectList } from './projects/project-list.tsx';
import { ProjectPage } from './projects/project-page.tsx';
import { SignIn } from './sign-in.tsx';
import { follow } from './state/follow.ts';
import { focusPlace, placeIn, shownProject, sought } from './state/place.ts';
import { leave, signOut } from './state/session.ts';
import { balancerVersion, connection, loaded, signedIn } from './state/state.ts';
import { followTargets } from './state/targets-down.ts';
import { nextTheme, theme } from './state/theme.ts';
import { chosenEnvironment } from './state/usage.ts';
import { Banners } from './widgets/banners.tsx';
import { Mark } from './widgets/mark.tsx';
import { Notices } from './widgets/notices.tsx';
import { TroubleWord } from './widgets/trouble-word.tsx';

/** `of`: a view that is reached from another one, instead of the menu. */
const views: Readonly<Record<string, { title: string; View: ComponentType; of?: string }>> = {
  overview: { title: 'Overview', View: Overview },
  projects: { title: 'Projects', View: ProjectList },
  project: { title: 'Project', View: ProjectPage, of: 'projects' },
  consumers: { title: 'Consumers', View: CallersView },
  activity: { title: 'Activity', View: Activity },
};
const chosen = signal('overview');

function followAddress(): void {
  const place = placeIn(location.hash);
  chosen.value = place?.view ?? 'overview';
  if (place?.view === 'project') {
    shownProject.value = place.name ?? '';
    if (place.environment !== undefined) chosenEnvironment.value = place.environment;
  }
  if (place?.name !== undefined) sought.value = place;
}

followAddress();
addEventListener('hashchange', () => {
  followAddress();
  if (sought.value !== undefined) return;
  document.getElementById('main')?.focus();
  scrollTo(0, 0);
});

/** Leads to the place that is sought, once the view shows it: lists open the object first. */
effect(() => {
  const place = sought.value;
  if (place === undefined || !loaded.value || place.view !== chosen.value) return;
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      focusPlace(place);
      if (sought.value === place) sought.value = undefined;
    }),
  );
});

/** The page: a header and the selected view for a signed-in user, else the sign-in. */
export function App() {
  useSignalEffect(() => {
    if (signedIn.value === true) follow();
    else if (signedIn.value === false) leave();
  });
  useSignalEffect(() => (signedIn.value === true && loaded.value ? followTargets() : undefined));
  const { View, title } = views[chosen.value] as { title: string; View: ComponentType };
  document.title = signedIn.value === true ? `${title} · Sluice` : 'Sluice';
  if (signedIn.value === undefined) return <main class="sign-in muted">Connecting to the balancer…</main>;
  if (!signedIn.value) return <SignIn />;
  return (
    <div class={connection.value === 'lost' ? 'page not-live' : 'page'}>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to content
      </button>
      <Header />
      <Banners />
      <main id="main" tabIndex={-1} aria-label={title}>
        {loaded.value ? <View /> : <p class="muted empty">Loading…</p>}
      </main>
      <Notices />
    </div>
  );
}

const connectionWords = { live: 'Live', connecting: 'Connecting…', lost: 'Reconnecting…' };
const themeWords = { system: 'System', light: 'Light', dark: 'Dark' };

function Header() {
  return (
    <header class="top">
      <div class="brand">
        <Mark />
        <strong>Sluice</strong>
      </div>
      <nav aria-label="Views">
        {Object.entries(views)
          .filter(([, { of }]) => of === undefined)
          .map(([name, { title }]) => (
            <a key={name} href={`#${name}`} aria-current={name === (views[chosen.value]?.of ?? chosen.value) ? 'page' : undefined}>
              {title}
            </a>
          ))}
      </nav>
      <div class="top-end">
        <TroubleWord />
        <span class="balancer muted small" title={`Sluice ${balancerVersion.value}. Traffic figures are those of this balancer.`}>
          {location.host}
        </span>
        <span class={`connection connection-${connection.value}`} role="status">
          <span class="connection-word">{connectionWords[connection.value]}</span>
        </span>
        <button type="button" class="button quiet" onClick={nextTheme} aria-label={`Colours: ${themeWords[theme.value]}; change`}>
          <span class="theme-icon" aria-hidden="true" />
          <span class="theme-word">{themeWords[theme.value]}</span>
        </button>
        <button type="button" class="button quiet" onClick={() => void signOut()}>
          Sign out
        </button>
      </div>
    </header>
  );
}
