import { inBrief } from './brief.ts';
import { serverScenarios } from './servers.ts';

inBrief(serverScenarios);
