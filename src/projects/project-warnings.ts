import type { Fault } from '../model/fault.ts';
import { tlsWarnings } from '../model/outgoing-tls.ts';
import type { Project } from '../model/project.ts';

/** Parts of a valid project that work, but not for long or not safely. @param date in milliseconds since 1970 */
export function warningsOf({ targets }: Pick<Project, 'targets'>, date: number): Fault[] {
  return Object.entries(targets).flatMap(([name, { tls }]) => tlsWarnings(tls, `targets.${name}.tls`, date));
}
