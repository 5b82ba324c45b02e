import { certificateScenarios } from './certificate-scenarios.ts';
import { inBrief } from './in-brief.ts';

inBrief(certificateScenarios.slice(0, 1));
