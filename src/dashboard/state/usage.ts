import { type Signal, signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { UsageAnswer } from '../../api/usage-answers.ts';
import { ApiError, call } from './api.ts';
import { refreshAll } from './refresh.ts';
import { deployments, environments } from './state.ts';

/** Milliseconds between two readings. */
const everyMs = 5000;

/** Name of the environment of which counts are shown, as chosen; undefined: not chosen yet. */
export const chosenEnvironment = signal<string | undefined>(undefined);

/** The environment of which counts are shown: the one that was chosen, else the first that has the project, or any project, deployed. */
export function usageEnvironment(project?: string): string | undefined {
  const names = environments.value.map(({ name }) => name);
  if (chosenEnvironment.value !== undefined && names.includes(chosenEnvironment.value)) return chosenEnvironment.value;
  const runs = (name: string) => deployments.value[name]?.deployments.some((one) => project === undefined || one.project === project);
  return names.find(runs) ?? names[0];
}

/** The latest answer, and the fault of the latest reading. */
export interface Usage {
  readonly answer?: UsageAnswer;
  /** Why the last reading failed; undefined: it did not. */
  readonly fault?: string;
}

/** The counts of an environment, of one project or consumer if named, read again and again while the page is visible. */
export function useUsage(environment: string | undefined, only: { readonly project?: string; readonly consumer?: string } = {}): Usage {
  const { project, consumer } = only;
  const usage = useSignal<Usage>({});
  useEffect(() => {
    usage.value = {};
    if (environment === undefined) return;
    const query = new URLSearchParams({
      environment,
      ...(project !== undefined && { project }),
      ...(consumer !== undefined && { consumer }),
    });
    return whileVisible(everyMs, () => readInto(usage, `/v1/usage?${query}`));
  }, [environment, project, consumer]);
  return usage.value;
}

async function readInto(usage: Signal<Usage>, path: string): Promise<void> {
  try {
    usage.value = { answer: await call<UsageAnswer>('GET', path) };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // The session has ended: this reading is refused as well, and shows the sign-in.
    if (error.status === 401) void refreshAll();
    usage.value = { ...usage.value, fault: error.message };
  }
}

/** Runs `read` at once, and again after each pause, but only while the page is visible. Returns a function that ends that. */
export function whileVisible(pauseMs: number, read: () => Promise<void>): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let reading = false;
  let ended = false;
  const run = async () => {
    clearTimeout(timer);
    if (document.hidden || reading) return;
    reading = true;
    await read();
    reading = false;
    if (!ended) timer = setTimeout(run, pauseMs);
  };
  const shown = () => void run();
  document.addEventListener('visibilitychange', shown);
  void run();
  return () => {
    ended = true;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', shown);
  };
}
