import { useSignal } from '@preact/signals';
import { plural } from '../state/format.ts';
import { projects } from '../state/state.ts';
import { Command } from '../widgets/command.tsx';
import { fits, SearchBox } from '../widgets/search-box.tsx';
import { ProjectCard } from './project-card.tsx';
import { PushDialog } from './push-dialog.tsx';

/** Above so many they can be looked through. */
const few = 4;

/** Projects: their revisions, and where they are deployed. */
export function Projects() {
  const pushing = useSignal(false);
  const wanted = useSignal('');
  const all = projects.value;
  const shown = all.filter(({ name }) => fits(wanted.value, name));
  return (
    <div class="view">
      <div class="view-head">
        <div>
          <h1>Projects</h1>
          <p class="muted small">{plural(all.length, 'project')}</p>
        </div>
        <div class="filters">
          {all.length > few && <SearchBox label="Filter projects" wanted={wanted} />}
          <button
            type="button"
            class="button primary"
            onClick={() => {
              pushing.value = true;
            }}
          >
            Push a project
          </button>
        </div>
      </div>
      {all.length === 0 && (
        <section class="card first-step" aria-label="First step">
          <h2>Push a project</h2>
          <p class="muted">
            A file (YAML or JSON) that says which paths an API answers, and where they go. Press <b>Push a project</b>, or:
          </p>
          <Command text="sluice project push FILE" />
          <p class="muted">From an OpenAPI document:</p>
          <Command text="sluice project import OPENAPI-FILE --target URL" />
        </section>
      )}
      {shown.map((project) => (
        <ProjectCard key={project.name} project={project} />
      ))}
      {all.length > 0 && shown.length === 0 && <p class="muted empty">No project fits “{wanted.value}”.</p>}
      {pushing.value && (
        <PushDialog
          close={() => {
            pushing.value = false;
          }}
        />
      )}
    </div>
  );
}
