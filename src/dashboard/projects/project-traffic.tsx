import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { ProjectUsage, RouteUsage, TargetUsage } from '../../api/usage-answers.ts';
import { compact, timeSpan } from '../state/format.ts';
import { deployments } from '../state/state.ts';
import { usageEnvironment, useUsage } from '../state/usage.ts';
import { CallerTable } from '../usage/caller-table.tsx';
import { attemptColumns, figureColumns, isFailing, withShare } from '../usage/figure-columns.tsx';
import { type FigureColumn, FigureTable } from '../usage/figure-table.tsx';
import { UsageEnvironment, UsageSource } from '../usage/usage-source.tsx';
import { PurgeCache } from './purge-cache.tsx';

/** The traffic of a project in an environment: totals, routes, targets with their health, refusals of policies, callers. */
export function ProjectTraffic({ project }: { project: string }) {
  const environment = usageEnvironment(project);
  const usage = useUsage(environment, { project });
  const purging = useSignal(false);
  if (environment === undefined) return null;
  const deployed = deployments.value[environment]?.deployments.some((one) => one.project === project) ?? false;
  const counted = usage.answer?.projects.find((one) => one.project === project);
  const callers = usage.answer?.consumers.filter((one) => one.project === project) ?? [];
  return (
    <section class="card" aria-label={`Traffic of ${project}`}>
      <div class="card-head usage-head">
        <div>
          <h2>Traffic</h2>
          <UsageSource usage={usage} />
        </div>
        <div class="card-actions">
          <UsageEnvironment environment={environment} />
          <button
            type="button"
            class="button"
            disabled={!deployed}
            onClick={() => {
              purging.value = true;
            }}
          >
            Empty the cache…
          </button>
        </div>
      </div>
      {!deployed && <p class="muted card-part">It is not deployed in {environment}.</p>}
      {deployed && usage.answer !== undefined && counted === undefined && (
        <p class="muted card-part">No request has reached it in {environment} since then.</p>
      )}
      {counted !== undefined && <Counted counted={counted} />}
      {callers.length > 0 && (
        <div class="card-part">
          <h3>Callers</h3>
          <CallerTable label={`Callers of ${project}`} rows={callers} without="project" />
        </div>
      )}
      {purging.value && (
        <PurgeCache
          environment={environment}
          project={project}
          close={() => {
            purging.value = false;
          }}
        />
      )}
    </section>
  );
}

const route: FigureColumn<RouteUsage> = {
  label: 'Path',
  by: ({ resource }) => resource,
  show: ({ resource }) => (resource === '' ? <span class="muted">no resource matches</span> : <code>{resource}</code>),
};
const target: FigureColumn<TargetUsage> = {
  label: 'Target',
  by: ({ target: name }) => name,
  show: (row) => (
    <>
      <b>{row.target}</b>
      <ul class="target-urls">
        {row.urls.map((url) => (
          <li key={url.url}>
            <TargetUrl {...url} />
          </li>
        ))}
      </ul>
    </>
  ),
};

function Counted({ counted }: { counted: ProjectUsage }) {
  const { requests, refused, failed, perSecond, p50, p95, p99, routes, targets, policies } = counted;
  return (
    <>
      <dl class="figures usage-figures card-part">
        <Figure label="Requests" value={compact(requests)} />
        <Figure label="Per second" value={compact(perSecond)} />
        <Figure label="Refused" value={withShare(refused, requests)} />
        <Figure label="Failed" value={withShare(failed, requests)} bad={isFailing(failed, requests)} />
        <Figure label="p50" value={timeSpan(p50 ?? undefined)} />
        <Figure label="p95" value={timeSpan(p95 ?? undefined)} />
        <Figure label="p99" value={timeSpan(p99 ?? undefined)} />
      </dl>
      {routes.length > 0 && (
        <div class="card-part">
          <h3>
            Routes <span class="count">{routes.length}</span>
          </h3>
          <FigureTable
            label="Routes"
            columns={[route, ...figureColumns]}
            rows={routes}
            keyOf={({ resource }) => resource}
            sorted="Requests"
            noun="route"
          />
        </div>
      )}
      {targets.length > 0 && (
        <div class="card-part">
          <h3>
            Targets <span class="count">{targets.length}</span>
          </h3>
          <FigureTable
            label="Targets"
            columns={[target, ...attemptColumns]}
            rows={targets}
            keyOf={(row) => row.target}
            sorted="Requests"
            noun="target"
          />
        </div>
      )}
      {policies.length > 0 && (
        <div class="card-part">
          <h3>Refusals by policy</h3>
          <ul class="chips">
            {[...policies]
              .sort((one, other) => other.refused - one.refused)
              .map(({ policy, refused: count }) => (
                <li key={policy} class="chip">
                  <b>{policy}</b> {withShare(count, requests)}
                </li>
              ))}
          </ul>
        </div>
      )}
    </>
  );
}

function Figure({ label, value, bad = false }: { label: string; value: ComponentChildren; bad?: boolean }) {
  return (
    <div class={bad ? 'metric-bad' : undefined}>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** A URL of a target with its health, as the servers see it. */
function TargetUrl({ url, up, reason, downOn }: TargetUsage['urls'][number]) {
  return (
    <>
      <code>{url}</code>{' '}
      {up === null ? (
        <span class="muted small">not checked</span>
      ) : up ? (
        <span class="badge tone-good">up</span>
      ) : (
        <span class="badge tone-bad">down on {downOn === 1 ? '1 server' : `${downOn} servers`}</span>
      )}
      {up === false && reason !== undefined && <div class="small problem">{reason}</div>}
    </>
  );
}
