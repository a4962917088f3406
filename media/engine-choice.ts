import type { CallNeeds } from './call-needs.ts'
import type { MediaCapability, MediaServer } from './media-server.ts'

/** What the choice looks at of an engine. */
export type Candidate = Pick<MediaServer, 'isUp' | 'capabilities' | 'isDirect'>

/** `incapable`: no engine here has what the call needs, up or down. `unavailable`: those that have are down, or have been tried. */
export type NoEngine = 'incapable' | 'unavailable'

/**
 * The engine for a call: the first of those that are up and have all it needs, in the order the operator named them, the cheapest
 * first. One that also has what the call wishes for goes before one that has not. `except` are those that would not take it.
 */
export function chooseEngine<E extends Candidate>(
  engines: readonly E[],
  needs: CallNeeds,
  except: ReadonlySet<E> | null = null,
): E | NoEngine {
  let isCapable = false
  let best: E | null = null
  for (const engine of engines) {
    if (!serves(engine, needs)) continue
    isCapable = true
    if (!engine.isUp || except?.has(engine) === true) continue
    if (hasAll(engine, needs.wish)) return engine
    best ??= engine
  }
  return best ?? (isCapable ? 'unavailable' : 'incapable')
}

/** Whether a call that needs this can be at this engine. */
export function serves(engine: Candidate, { must, mayBeDirect }: CallNeeds): boolean {
  return (mayBeDirect || engine.isDirect !== true) && hasAll(engine, must)
}

function hasAll({ capabilities }: Candidate, wanted: readonly MediaCapability[]): boolean {
  for (const one of wanted) if (!capabilities.has(one)) return false
  return true
}
