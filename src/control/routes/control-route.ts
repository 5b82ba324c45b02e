import { controlAnswer } from '../../api/answers.ts';
import type { ControlApp, ControlContext } from './control-app.ts';
import { refusals } from './openapi.ts';

/** Serves the state of the control address. */
export function controlRoute(app: ControlApp, { certificates, controlTls }: ControlContext): void {
  app.get(
    '/v1/control',
    {
      schema: { summary: 'The certificate of the control address, and when it expires', response: { 200: controlAnswer, ...refusals } },
    },
    async () => {
      const state = controlTls && certificates?.stateOf(controlTls);
      if (state === undefined) return { certificate: null };
      const { file, names, notAfter, fault } = state;
      return { certificate: { certificate: file, names: [...names], until: notAfter ?? null, ...(fault !== undefined && { fault }) } };
    },
  );
}
