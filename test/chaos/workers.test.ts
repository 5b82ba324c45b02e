import { inBrief } from './in-brief.ts';
import { workerScenarios } from './worker-scenarios.ts';

inBrief(workerScenarios);
