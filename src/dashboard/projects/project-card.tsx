import { computed, useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { ProjectSummaryAnswer } from '../../api/answers.ts';
import { call, pathOf } from '../state/api.ts';
import { attempt } from '../state/attempt.ts';
import { plural } from '../state/format.ts';
import { deployments, environments } from '../state/state.ts';
import { ActionMenu } from '../widgets/action-menu.tsx';
import { Command, operatorCommand } from '../widgets/command.tsx';
import { Confirm } from '../widgets/dialog.tsx';
import { LongList } from '../widgets/long-list.tsx';
import { PlaceLink } from '../widgets/place-link.tsx';
import { DeployDialog } from './deploy-dialog.tsx';
import { DeploymentRow } from './deployment-row.tsx';
import { PushDialog } from './push-dialog.tsx';
import { RequestTester } from './request-tester.tsx';
import { RevisionContent } from './revision-content.tsx';
import { RevisionDiff } from './revision-diff.tsx';
import { Revisions } from './revisions.tsx';
import { type Placement, runningPlaces } from './running-places.ts';

/** Number of deployments shown initially. */
const firstShown = 8;

/** The deployments of each project. */
export const placementsByProject = computed(() => {
  const placements = new Map<string, Placement[]>();
  for (const { environment, deployments: all } of Object.values(deployments.value)) {
    for (const deployment of all) {
      const { project } = deployment;
      const known = placements.get(project);
      if (known) known.push({ environment, deployment });
      else placements.set(project, [{ environment, deployment }]);
    }
  }
  return placements;
});

type OpenDialog = { readonly kind: 'deploy' | 'compare' | 'show' | 'edit' | 'test' | 'delete'; readonly revision: number };

interface ProjectCardProps {
  readonly project: ProjectSummaryAnswer;
  /** A button that folds the card. */
  readonly collapse?: ComponentChildren;
  /** The card is part of the project's page, to which it has no link then. */
  readonly onPage?: boolean;
}

/** One project: its deployments and revisions, with their actions. */
export function ProjectCard({ project, collapse, onPage = false }: ProjectCardProps) {
  const { name, latest } = project;
  const dialog = useSignal<OpenDialog | undefined>(undefined);
  const open = (kind: OpenDialog['kind']) => (revision: number) => {
    dialog.value = { kind, revision };
  };
  const close = () => {
    dialog.value = undefined;
  };
  const placements = placementsByProject.value.get(name) ?? [];
  return (
    <section class="card project" aria-label={`Project ${name}`} data-project={name}>
      <div class="card-head">
        <div>
          <h2>{name}</h2>
          <p class="muted small">
            {placements[0] ? `${placements[0].deployment.basePath} · ` : ''}latest revision {latest}
          </p>
        </div>
        <div class="card-actions">
          {collapse}
          {!onPage && (
            <PlaceLink place={{ view: 'project', name }} class="button quiet" description={`Traffic of ${name}`}>
              Traffic
            </PlaceLink>
          )}
          <ActionMenu
            of={`project ${name}`}
            actions={[
              { label: 'Edit as a new revision…', run: () => open('edit')(latest) },
              { label: 'Test a request…', run: () => open('test')(latest) },
              {
                label: 'Delete…',
                danger: true,
                refused: placements.length > 0 ? 'undeploy it first' : undefined,
                run: () => open('delete')(latest),
              },
            ]}
          />
          <button type="button" class="button primary" aria-label={`Deploy ${name}`} onClick={() => open('deploy')(latest)}>
            Deploy…
          </button>
        </div>
      </div>
      <div class="card-part">
        <h3>
          Deployments <span class="count">{placements.length}</span>
        </h3>
        {placements.length === 0 ? (
          <div class="empty-part">
            <p class="muted">Not deployed, so no client can reach it. Press Deploy…, or run:</p>
            <Command text={operatorCommand(`sluice deploy ${name} --environment ${environments.value[0]?.name ?? 'production'} --wait`)} />
          </div>
        ) : (
          <LongList items={placements} first={firstShown} noun="deployment" class="deployments">
            {({ environment, deployment }) => (
              <DeploymentRow key={environment} environment={environment} deployment={deployment} latest={latest} />
            )}
          </LongList>
        )}
      </div>
      <Revisions
        project={project}
        placesOf={() => runningPlaces(placements)}
        show={open('show')}
        compare={open('compare')}
        deploy={open('deploy')}
      />
      {dialog.value?.kind === 'deploy' && <DeployDialog project={project} revision={dialog.value.revision} close={close} />}
      {dialog.value?.kind === 'delete' && (
        <Confirm
          title={`Delete ${name}?`}
          text={`Its ${plural(project.revisions.length, 'revision')} will be gone for good.`}
          action={`Delete ${name}`}
          close={close}
          confirm={() => void attempt(() => call('DELETE', pathOf('v1', 'projects', name)), `${name} deleted`)}
        />
      )}
      {dialog.value?.kind === 'show' && <RevisionContent name={name} revision={dialog.value.revision} close={close} />}
      {dialog.value?.kind === 'edit' && <PushDialog edited={{ name, revision: dialog.value.revision }} close={close} />}
      {dialog.value?.kind === 'test' && (
        <RequestTester
          project={name}
          deployedIn={placements.map(({ environment }) => environment)}
          basePath={placements[0]?.deployment.basePath ?? '/'}
          close={close}
        />
      )}
      {dialog.value?.kind === 'compare' && <RevisionDiff project={project} revision={dialog.value.revision} close={close} />}
    </section>
  );
}
