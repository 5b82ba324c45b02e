import { useSignal } from '@preact/signals';
import type { ProjectSummaryAnswer } from '../../api/answers.ts';
import { isOpen, setOpen } from '../state/folds.ts';
import { plural } from '../state/format.ts';
import { toggleFold } from '../state/place.ts';
import { rejectionsByProject } from '../state/rejections.ts';
import { projects } from '../state/state.ts';
import { useSought } from '../state/use-sought.ts';
import { Command, operatorCommand } from '../widgets/command.tsx';
import { LongList } from '../widgets/long-list.tsx';
import { PlaceLink } from '../widgets/place-link.tsx';
import { exactFirst, matches, SearchBox } from '../widgets/search-box.tsx';
import { ProjectCard } from './project-card.tsx';
import { ProjectLine } from './project-line.tsx';
import { PushDialog } from './push-dialog.tsx';

/** Above this number of projects there is a filter. */
const few = 4;
/** Above this number of projects each is folded to a line, until it is opened. */
const mostOpen = 12;
/** Number of lines shown initially. */
const firstShown = 40;
/** Number of rejected projects that are named. */
const mostNamed = 5;

/** The projects view: a card for each project, or a line if there are many. */
export function ProjectList() {
  const pushing = useSignal(false);
  const query = useSignal('');
  const all = projects.value;
  const many = all.length > mostOpen;
  useSought('projects', (name) => {
    setOpen('project', name, true);
    if (projects.peek().length > mostOpen) query.value = name;
  });
  const shown = exactFirst(
    query.value,
    all.filter(({ name }) => matches(query.value, name)),
  );
  return (
    <div class="view">
      <div class="view-head">
        <div>
          <h1>Projects</h1>
          <p class="muted small">
            {query.value === '' ? plural(all.length, 'project') : `${shown.length} of ${plural(all.length, 'project')}`}
          </p>
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
          <Command text={operatorCommand('sluice project push FILE')} />
          <p class="muted">From an OpenAPI document:</p>
          <Command text={operatorCommand('sluice project import OPENAPI-FILE --target URL')} />
        </section>
      )}
      <RejectedStrip />
      {many ? (
        <div>
          <LongList items={shown} first={firstShown} noun="project" class="environment-list">
            {(project) => (
              <li key={project.name}>
                <FoldedProject project={project} />
              </li>
            )}
          </LongList>
        </div>
      ) : (
        shown.map((project) => <ProjectCard key={project.name} project={project} />)
      )}
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

function FoldedProject({ project }: { project: ProjectSummaryAnswer }) {
  const { name } = project;
  if (!isOpen('project', name)) return <ProjectLine project={project} open={() => toggleFold({ view: 'projects', name }, true)} />;
  return (
    <ProjectCard
      project={project}
      collapse={
        <button
          type="button"
          class="button quiet"
          aria-expanded
          aria-label={`Collapse ${name}`}
          onClick={() => toggleFold({ view: 'projects', name }, false)}
        >
          Collapse
        </button>
      }
    />
  );
}

/** Links to the projects that servers reject. */
function RejectedStrip() {
  const names = [...rejectionsByProject.value.keys()];
  if (names.length === 0) return null;
  return (
    <nav class="strip" aria-label="Rejected projects">
      {names.slice(0, mostNamed).map((name) => (
        <PlaceLink key={name} place={{ view: 'projects', name }} class="chip tone-bad">
          <span class="dot" aria-hidden="true" />
          <b>{name}</b> <span>rejected</span>
        </PlaceLink>
      ))}
      {names.length > mostNamed && <span class="muted small">and {names.length - mostNamed} more</span>}
    </nav>
  );
}
