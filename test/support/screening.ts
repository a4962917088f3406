import type { Compliance } from '../../compliance/compliance.ts'
import { Screening, type ScreeningParts } from '../../gateway/screening/screening.ts'

/** Screening by the law alone, unless more is said. */
export function aScreening(
  compliance: Pick<Compliance, 'screen' | 'count'>,
  parts: Partial<ScreeningParts> = {},
): Screening {
  return new Screening({
    compliance,
    evidence: [],
    judges: [],
    stopsAtFirst: true,
    maxWaiting: 100,
    monotonicMs: () => performance.now(),
    onEnded: () => {},
    onError: () => {},
    ...parts,
  })
}
