import { certificateScenarios } from './certificate-scenarios.ts';
import { inBrief } from './in-brief.ts';

inBrief(certificateScenarios.filter(({ stage }) => stage.workers === 2));
