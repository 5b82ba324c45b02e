import { inBrief } from './in-brief.ts';
import { registryScenarios } from './registry-scenarios.ts';

inBrief(registryScenarios);
