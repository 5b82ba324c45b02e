import { inBrief } from './in-brief.ts';
import { nameScenarios } from './name-scenarios.ts';

inBrief(nameScenarios);
