import { inBrief } from './brief.ts';
import { connectionScenarios } from './connections.ts';

inBrief(connectionScenarios);
