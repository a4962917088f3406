import { availableParallelism } from 'node:os'
import { setFlagsFromString } from 'node:v8'

/** Below this many cores the collector's helper threads have none of their own. */
const FEW_CORES = 3

/**
 * On few cores a collection that is shared out waits for helpers, and they wait for the very cores that calls use: pauses
 * of the signalling threads grow from a few milliseconds to tens. There each thread collects by itself. Called before
 * anything else starts.
 */
export function tuneCollector(cores: number = availableParallelism()): void {
  if (cores < FEW_CORES) setFlagsFromString('--single-threaded-gc')
}
