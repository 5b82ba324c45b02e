import { inBrief } from './brief.ts';
import { registryScenarios } from './registries.ts';

inBrief(registryScenarios);
