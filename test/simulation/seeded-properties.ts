import fc from 'fast-check'

/** Mocha loads this before the tests. With `DCE_TEST_SEED` every property is tried on the same cases again, as CI does. */
const seed = process.env['DCE_TEST_SEED']
if (seed) fc.configureGlobal({ seed: Number(seed) })
