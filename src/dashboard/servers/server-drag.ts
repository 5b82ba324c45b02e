import { signal } from '@preact/signals';

/** True while a server is being dragged. */
export const dragging = signal(false);

/** Media type of a server's id while it is dragged. */
const serverType = 'application/x-sluice-server';

/** Makes the element that is being dragged carry a server. */
export function dragServer({ dataTransfer }: DragEvent, id: string): void {
  if (dataTransfer === null) return;
  dragging.value = true;
  addEventListener(
    'dragend',
    () => {
      dragging.value = false;
    },
    { once: true },
  );
  dataTransfer.setData(serverType, id);
  dataTransfer.effectAllowed = 'move';
}

/** True if a server is being dragged. */
export function isServerDrag({ dataTransfer }: DragEvent): boolean {
  return dataTransfer?.types.includes(serverType) === true;
}

/** The id of the server that was dropped; undefined if something other than a server was dropped. */
export function droppedServer({ dataTransfer }: DragEvent): string | undefined {
  return dataTransfer?.getData(serverType) || undefined;
}
