import { useSignal } from '@preact/signals';
import { plural } from './format.ts';
import { ProjectCard } from './project-card.tsx';
import { PushDialog } from './push-dialog.tsx';
import { projects } from './store.ts';

/** Projects: their revisions, and where they are deployed. */
export function Projects() {
  const pushing = useSignal(false);
  return (
    <div class="view">
      <div class="view-head">
        <h1>Projects</h1>
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
      {projects.value.length === 0 ? (
        <p class="muted empty">No project yet. Push a project file (YAML or JSON) here, or with sluice project push.</p>
      ) : (
        <p class="muted">{plural(projects.value.length, 'project')}</p>
      )}
      {projects.value.map((project) => (
        <ProjectCard key={project.name} project={project} />
      ))}
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
