import { ensureProgram } from './debian-packages.ts';
import { redisServer } from './find-redis.ts';

// Run before the tests: several test files start at once, and each would fetch Redis for itself.
await ensureProgram(redisServer);
