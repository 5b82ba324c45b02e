import { inBrief } from './in-brief.ts';
import { rolloutScenarios } from './rollout-scenarios.ts';

inBrief(rolloutScenarios);
