import { useSignal, useSignalEffect } from '@preact/signals';
import type { ProjectSummaryAnswer, RevisionAnswer } from '../../api/answers.ts';
import { call, pathOf } from '../state/api.ts';
import { attempt } from '../state/attempt.ts';
import { Dialog } from '../widgets/dialog.tsx';
import { type DiffLine, diffLines } from './line-diff.ts';
import { writeProject } from './project-text.ts';

/** Number of equal lines shown before and after a change. */
const contextLines = 3;

interface RevisionDiffProps {
  readonly project: ProjectSummaryAnswer;
  /** The later revision, initially; it is compared with the one before it. */
  readonly revision: number;
  readonly close: () => void;
}

/** Shows the difference between two revisions of a project. */
export function RevisionDiff({ project, revision, close }: RevisionDiffProps) {
  const numbers = project.revisions.map((one) => one.revision).sort((one, other) => one - other);
  const later = useSignal(revision);
  const earlier = useSignal(numbers.filter((one) => one < revision).at(-1) ?? numbers.find((one) => one !== revision) ?? revision);
  const lines = useSignal<readonly DiffLine[] | undefined>(undefined);
  useSignalEffect(() => {
    const [from, to] = [earlier.value, later.value];
    void attempt(async () => {
      const texts = await Promise.all([from, to].map((number) => textOf(project.name, number)));
      if (from === earlier.value && to === later.value) lines.value = diffLines(texts[0] ?? [], texts[1] ?? []);
    });
  });
  const choice = (label: string, chosen: typeof later) => (
    <label class="field">
      <span>{label}</span>
      <select
        value={String(chosen.value)}
        onChange={(event) => {
          chosen.value = Number(event.currentTarget.value);
        }}
      >
        {numbers.map((number) => (
          <option key={number} value={String(number)}>
            Revision {number}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <Dialog title={`Compare revisions of ${project.name}`} close={close} wide>
      <div class="field-row">
        {choice('From', earlier)}
        {choice('To', later)}
      </div>
      {lines.value && <Diff lines={lines.value} />}
    </Dialog>
  );
}

async function textOf(name: string, revision: number): Promise<string[]> {
  const { project } = await call<RevisionAnswer>('GET', pathOf('v1', 'projects', name, 'revisions', revision));
  return writeProject(project);
}

const signs = { same: ' ', added: '+', removed: '−' };

function Diff({ lines }: { lines: readonly DiffLine[] }) {
  const changed = lines.flatMap(({ kind }, index) => (kind === 'same' ? [] : [index]));
  if (changed.length === 0) return <p class="muted">The two revisions are identical.</p>;
  const shown = lines.map((line, index) => ({ ...line, near: changed.some((change) => Math.abs(change - index) <= contextLines) }));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the section scrolls, so the keyboard must reach it
    <section class="diff" tabIndex={0} aria-label="Differences">
      {shown.map(({ kind, text, near }, index) =>
        near ? (
          <div key={index} class={`diff-line diff-${kind}`}>
            <span aria-hidden="true">{signs[kind]}</span>
            {kind !== 'same' && <span class="unseen">{kind}: </span>}
            <code>{text}</code>
          </div>
        ) : (
          shown[index - 1]?.near === true && <div key={index} class="diff-gap" />
        ),
      )}
    </section>
  );
}
