import { project } from '../model/project.ts';
import { checkPolicies } from './index.ts';

/** A project as it may be pushed: its policies are checked too, so that what is refused by no server later. */
export const pushedProject = project
  .check((context) => {
    for (const fault of checkPolicies(context.value)) {
      context.issues.push({ code: 'custom', path: fault.path.split('.'), message: fault.message, input: undefined });
    }
  })
  .meta({ id: 'PushedProject', description: 'an API: base path, targets, resources, policies' });
