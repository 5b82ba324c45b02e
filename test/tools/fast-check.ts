import fc from 'fast-check';

/**
 * fast-check, whose properties get the same inputs on every run: a test passes or fails for what Sluice does, not by chance, and what a test counts
 * among its inputs is the same each time. SLUICE_TEST_SEED=NUMBER in the environment chooses other inputs. The fuzzers choose seeds of their own.
 */
const { SLUICE_TEST_SEED = '1' } = process.env;
const seed = Number(SLUICE_TEST_SEED);
if (!Number.isInteger(seed)) throw new TypeError(`SLUICE_TEST_SEED is ${JSON.stringify(SLUICE_TEST_SEED)}: give it a whole number`);
fc.configureGlobal({ seed });

export default fc;
