import { ensureProgram } from './debian-packages.ts';
import { chromium } from './find-chromium.ts';

// Run before the tests: several test files start at once, and each would fetch Chromium for itself.
await ensureProgram(chromium);
