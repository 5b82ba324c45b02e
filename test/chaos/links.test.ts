import { inBrief } from './in-brief.ts';
import { linkScenarios } from './link-scenarios.ts';

inBrief(linkScenarios);
