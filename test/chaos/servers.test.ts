import { inBrief } from './in-brief.ts';
import { serverScenarios } from './server-scenarios.ts';

inBrief(serverScenarios);
