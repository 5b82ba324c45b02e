import { useSignal } from '@preact/signals';
import { usageEnvironment, useUsage } from '../state/usage.ts';
import { CallerTable } from '../usage/caller-table.tsx';
import { UsageEnvironment, UsageSource } from '../usage/usage-source.tsx';
import { matches, SearchBox } from '../widgets/search-box.tsx';

/** Above this number of rows there is a filter. */
const few = 8;

/** The busiest consumers of an environment: who calls what, how much, how often refused. */
export function CallerUsage() {
  const environment = usageEnvironment();
  const usage = useUsage(environment);
  const query = useSignal('');
  if (environment === undefined) return null;
  const all = usage.answer?.consumers ?? [];
  const shown = all.filter(({ consumer, project }) => matches(query.value, `${consumer} ${project}`));
  const leftOff = usage.answer?.consumersLeftOff ?? 0;
  return (
    <section class="card" aria-label="Calls of consumers">
      <div class="card-head usage-head">
        <div>
          <h2>Who calls what</h2>
          <UsageSource usage={usage} />
        </div>
        <div class="filters">
          {all.length > few && <SearchBox label="Filter consumers and projects" query={query} />}
          <UsageEnvironment environment={environment} />
        </div>
      </div>
      <div class="card-part">
        {usage.answer !== undefined && all.length === 0 && (
          <p class="muted">No known consumer has called a project here. Policies such as apiKey and jwt tell who calls.</p>
        )}
        {all.length > 0 && shown.length === 0 && <p class="muted">None matches “{query.value}”.</p>}
        {shown.length > 0 && <CallerTable label="Calls of consumers" rows={shown} />}
        {leftOff > 0 && (
          <p class="muted small">
            The busiest {all.length} are shown, {leftOff} more are not: open a consumer or project for its own.
          </p>
        )}
      </div>
    </section>
  );
}

/** The projects that a consumer has called in an environment. */
export function ConsumerCalls({ consumer }: { consumer: string }) {
  const environment = usageEnvironment();
  const usage = useUsage(environment, { consumer });
  if (environment === undefined) return null;
  const rows = usage.answer?.consumers ?? [];
  return (
    <div class="card-part">
      <div class="part-head">
        <h3>Calls</h3>
        <UsageEnvironment environment={environment} />
      </div>
      <UsageSource usage={usage} />
      {usage.answer !== undefined && rows.length === 0 && <p class="muted">It has called nothing here.</p>}
      {rows.length > 0 && <CallerTable label={`Calls of ${consumer}`} rows={rows} without="consumer" />}
    </div>
  );
}
