import { useEffect } from 'preact/hooks';
import { products, readCallers } from '../state/callers.ts';
import { shownProject } from '../state/place.ts';
import { projects } from '../state/state.ts';
import { PlaceLink } from '../widgets/place-link.tsx';
import { ProjectCard } from './project-card.tsx';
import { ProjectTraffic } from './project-traffic.tsx';

/** The page of one project: its traffic in an environment, its products, deployments and revisions. */
export function ProjectPage() {
  const name = shownProject.value;
  const project = projects.value.find((one) => one.name === name);
  return (
    <div class="view">
      <div class="view-head">
        <div>
          <p class="small">
            <a href="#projects">Projects</a>
          </p>
          <h1 data-project={name}>{name}</h1>
        </div>
      </div>
      {project === undefined ? (
        <p class="muted empty">There is no project “{name}”. It may have been deleted.</p>
      ) : (
        <>
          <ProjectTraffic project={project.name} />
          <ProductsOf project={project.name} />
          <ProjectCard project={project} onPage />
        </>
      )}
    </div>
  );
}

/** The products by which consumers may use a project. */
function ProductsOf({ project }: { project: string }) {
  useEffect(() => void readCallers(), []);
  const found = products.value?.filter(({ projects: names }) => names.includes(project)) ?? [];
  if (found.length === 0) return null;
  return (
    <section class="card" aria-label={`Products with ${project}`}>
      <div class="card-part first">
        <h3>
          Products <span class="count">{found.length}</span>
        </h3>
        <ul class="chips">
          {found.map(({ name, limit, quota }) => (
            <li key={name} class="chip">
              <PlaceLink place={{ view: 'consumers' }}>{name}</PlaceLink>
              <span class="muted">
                limit {limit ?? 'none'} · quota {quota ?? 'none'}
              </span>
            </li>
          ))}
        </ul>
      </div>
    </section>
  );
}
