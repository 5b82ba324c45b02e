import { authoritiesAnswer } from '../../api/authority-answers.ts';
import { SluiceError } from '../../model/fault.ts';
import type { ControlApp, ControlContext } from './control-app.ts';
import { refusals } from './openapi.ts';

/** Tells of the authorities for the connections between balancers and gateway servers, and replaces them. */
export function authorityRoutes(app: ControlApp, { authorities }: ControlContext): void {
  const present = () => {
    if (authorities !== undefined) return authorities;
    throw new SluiceError('conflict', 'this balancer has no authority for its connections to gateway servers');
  };
  const response = { 200: authoritiesAnswer, ...refusals };

  app.get('/v1/ca', { schema: { summary: 'The authorities of the certificates between balancers and gateway servers', response } }, () =>
    present().status(),
  );

  app.post(
    '/v1/ca/rotate',
    {
      schema: {
        summary:
          'Begin to replace the authority of the certificates between balancers and gateway servers; the balancers go on by themselves. 409 while it is being replaced already',
        response,
      },
    },
    () => present().rotate(),
  );
}
