import { useSignal } from '@preact/signals';
import { plural } from '../state/format.ts';
import { projects } from '../state/state.ts';
import { Command } from '../widgets/command.tsx';
import { matches, SearchBox } from '../widgets/search-box.tsx';
import { ProjectCard } from './project-card.tsx';
import { PushDialog } from './push-dialog.tsx';

/** Above this number of projects there is a filter. */
const few = 4;

/** The projects view: a card for each project. */
export function ProjectList() {
  const pushing = useSignal(false);
  const query = useSignal('');
  const all = projects.value;
  const shown = all.filter(({ name }) => matches(query.value, name));
  return (
    <div class="view">
      <div class="view-head">
        <div>
          <h1>Projects</h1>
          <p class="muted small">{plural(all.length, 'project')}</p>
        </div>
        <div class="filters">
          {all.length > few && <SearchBox label="Filter projects" query={query} />}
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
            A project is a file (YAML or JSON) that describes the paths of an API and the targets they are forwarded to. Press{' '}
            <b>Push a project</b>, or run:
          </p>
          <Command text="sluice project push FILE" />
          <p class="muted">From an OpenAPI document:</p>
          <Command text="sluice project import OPENAPI-FILE --target URL" />
        </section>
      )}
      {shown.map((project) => (
        <ProjectCard key={project.name} project={project} />
      ))}
      {all.length > 0 && shown.length === 0 && <p class="muted empty">No project matches “{query.value}”.</p>}
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
