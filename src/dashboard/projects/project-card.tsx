import { computed, useSignal } from '@preact/signals';
import type { ProjectSummaryAnswer } from '../../api/answers.ts';
import { deployments, environments } from '../state/state.ts';
import { Command } from '../widgets/command.tsx';
import { LongList } from '../widgets/long-list.tsx';
import { DeployDialog } from './deploy-dialog.tsx';
import { DeploymentRow } from './deployment-row.tsx';
import type { Deployment } from './progress.ts';
import { RevisionDiff } from './revision-diff.tsx';
import { Revisions } from './revisions.tsx';

/** Deployments that are shown at first. */
const firstShown = 8;

interface Place {
  readonly environment: string;
  readonly deployment: Deployment;
}

/** Where each project is deployed. */
const placesByProject = computed(() => {
  const places = new Map<string, Place[]>();
  for (const { environment, deployments: all } of Object.values(deployments.value)) {
    for (const deployment of all) places.set(deployment.project, [...(places.get(deployment.project) ?? []), { environment, deployment }]);
  }
  return places;
});

type Asked = { readonly what: 'deploy' | 'compare'; readonly revision: number };

/** One project: deployments, revisions, and what can be done with them. */
export function ProjectCard({ project }: { project: ProjectSummaryAnswer }) {
  const { name, latest } = project;
  const asked = useSignal<Asked | undefined>(undefined);
  const ask = (what: Asked['what']) => (revision: number) => {
    asked.value = { what, revision };
  };
  const close = () => {
    asked.value = undefined;
  };
  const places = placesByProject.value.get(name) ?? [];
  const placesOf = (revision: number) =>
    places.filter(({ deployment }) => deployment.revision === revision).map(({ environment }) => environment);
  return (
    <section class="card project" aria-label={`Project ${name}`} data-project={name}>
      <div class="card-head">
        <div>
          <h2>{name}</h2>
          <p class="muted small">
            {places[0] ? `${places[0].deployment.basePath} · ` : ''}latest revision {latest}
          </p>
        </div>
        <button type="button" class="button primary" aria-label={`Deploy ${name}`} onClick={() => ask('deploy')(latest)}>
          Deploy…
        </button>
      </div>
      <div class="card-part">
        <h3>
          Deployments <span class="count">{places.length}</span>
        </h3>
        {places.length === 0 ? (
          <div class="empty-part">
            <p class="muted">Deployed nowhere: no client can reach it. Press Deploy…, or:</p>
            <Command text={`sluice deploy ${name} --environment ${environments.value[0]?.name ?? 'production'} --wait`} />
          </div>
        ) : (
          <LongList items={places} first={firstShown} noun="deployment" class="deployments">
            {({ environment, deployment }) => (
              <DeploymentRow key={environment} environment={environment} deployment={deployment} latest={latest} />
            )}
          </LongList>
        )}
      </div>
      <Revisions project={project} placesOf={placesOf} compare={ask('compare')} deploy={ask('deploy')} />
      {asked.value?.what === 'deploy' && <DeployDialog project={project} revision={asked.value.revision} close={close} />}
      {asked.value?.what === 'compare' && <RevisionDiff project={project} revision={asked.value.revision} close={close} />}
    </section>
  );
}
