import { descriptorScenarios } from './descriptor-scenarios.ts';
import { inBrief } from './in-brief.ts';

inBrief(descriptorScenarios);
