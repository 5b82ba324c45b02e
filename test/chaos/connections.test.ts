import { connectionScenarios } from './connection-scenarios.ts';
import { inBrief } from './in-brief.ts';

inBrief(connectionScenarios);
