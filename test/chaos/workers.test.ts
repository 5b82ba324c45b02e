import { inBrief } from './brief.ts';
import { workerScenarios } from './workers.ts';

inBrief(workerScenarios);
