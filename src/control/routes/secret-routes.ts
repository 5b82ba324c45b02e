import { secretsAnswer, secretsRotated } from '../../api/secret-answers.ts';
import { SluiceError } from '../../model/fault.ts';
import type { SecretsStatus } from '../../registry/secrets/secret-rotation.ts';
import type { ControlApp, ControlContext } from './control-app.ts';
import { refusals } from './openapi.ts';

/** Tells which keys seal the secrets of the registry, and replaces the key. Secrets themselves are part of no answer. */
export function secretRoutes(app: ControlApp, { secrets }: ControlContext): void {
  const present = () => {
    if (secrets !== undefined) return secrets;
    throw new SluiceError('conflict', 'this balancer shares no secrets through its registry: its log says why');
  };

  app.get(
    '/v1/secrets',
    {
      schema: {
        summary: 'The secrets of the registry, without their content, and the keys that seal them',
        response: { 200: secretsAnswer, ...refusals },
      },
    },
    async () => describe(await present().status()),
  );

  app.post(
    '/v1/secrets/rotate',
    {
      schema: {
        summary:
          'Read the keys of this balancer again, and seal every secret with the first one; 409 while another balancer lacks it. If that was done before, a balancer that is alone on the registry and has its key in a file makes a new key',
        response: { 200: secretsRotated, ...refusals },
      },
    },
    async () => {
      const { resealed, made, ...status } = await present().rotate();
      return { ...describe(status), resealed, made };
    },
  );
}

function describe({ origin, keys, secrets, others }: SecretsStatus) {
  return {
    origin,
    keys: [...keys],
    unused: keys.filter((id) => !secrets.some(({ key }) => key === id)),
    secrets: secrets.map(({ name, key = null, fault = null }) => ({ name, key, fault })),
    others: others.map(({ balancer, keys: known }) => ({ balancer, keys: [...known] })),
  };
}
