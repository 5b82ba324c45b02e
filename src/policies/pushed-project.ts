import { project } from '../model/project.ts';
import { checkPolicies } from './compile-policies.ts';

/** Schema of a project that is pushed. It also checks the policies, so that a faulty policy is refused at once and not by the servers later. */
export const pushedProject = project
  .check((context) => {
    for (const fault of checkPolicies(context.value)) {
      context.issues.push({ code: 'custom', path: fault.path.split('.'), message: fault.message, input: undefined });
    }
  })
  .meta({ id: 'PushedProject', description: 'an API: base path, targets, resources, policies' });
