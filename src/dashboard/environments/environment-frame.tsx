import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { addServer } from '../servers/server-actions.ts';
import { droppedServer, isServerDrag } from '../servers/server-drag.ts';
import { busiest } from '../state/state.ts';

interface EnvironmentFrameProps {
  readonly name: string;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** The frame around an environment, a drop target: a server dropped on it is added to the environment. */
export function EnvironmentFrame({ name, class: look = '', children }: EnvironmentFrameProps) {
  const over = useSignal(false);
  const dragOver = (event: DragEvent) => {
    if (!isServerDrag(event)) return;
    event.preventDefault();
    over.value = true;
  };
  const drop = (event: DragEvent) => {
    over.value = false;
    const id = droppedServer(event);
    if (id === undefined) return;
    event.preventDefault();
    void addServer(id, name);
  };
  return (
    <section
      class={`card environment ${look}${busiest.value === name ? ' busiest' : ''}${over.value ? ' drop-here' : ''}`}
      aria-label={`Environment ${name}`}
      data-environment={name}
      onDragOver={dragOver}
      onDragLeave={() => {
        over.value = false;
      }}
      onDrop={drop}
    >
      {children}
    </section>
  );
}
