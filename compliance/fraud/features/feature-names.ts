import { GRAPH_SIGNS } from '../graph/call-graph.ts'
import { CALL_SIGNS } from './call-signs.ts'
import { IDENTITY_MEASURES } from './identities.ts'
import { BASELINE_MEASURES } from './own-baseline.ts'
import { SAID_MEASURES } from './said-places.ts'
import { SUBJECT_MEASURES } from './subject.ts'

/**
 * What calls have in common. `distinct` and `others` count, of a caller: numbers called and sellers; of a block (NPA-NXX-X): callers and numbers;
 * of a number and of a seller: callers and blocks; of a trunk: callers and numbers; of a target: callers and sellers. The target is
 * the one that the number's last call was connected to.
 */
export const SUBJECTS = ['caller', 'block', 'number', 'seller', 'trunk', 'target'] as const
/** Those who are also measured by their own past. */
export const WITH_BASELINE = ['number', 'seller'] as const
/** Whether the call differs in it from most of its trunk's. */
export const TRUNK_RESPECTS = ['trunk.otherAddress', 'trunk.otherUserAgent', 'trunk.otherCodecs'] as const

type Subject = (typeof SUBJECTS)[number]
export type FeatureName =
  | (typeof CALL_SIGNS)[number]
  | 'caller.sequential'
  | `${Subject}.${(typeof SUBJECT_MEASURES)[number]}`
  | `${(typeof WITH_BASELINE)[number]}.${(typeof BASELINE_MEASURES)[number]}`
  | (typeof TRUNK_RESPECTS)[number]
  | (typeof GRAPH_SIGNS)[number]
  | (typeof SAID_MEASURES)[number]
  | (typeof IDENTITY_MEASURES)[number]

/** Every feature, in the order of the vector. A new one is put at the end: models know theirs by name. */
export const FEATURE_NAMES: readonly FeatureName[] = [
  ...CALL_SIGNS,
  'caller.sequential',
  ...SUBJECTS.flatMap((subject) => SUBJECT_MEASURES.map((measure) => `${subject}.${measure}` as const)),
  ...WITH_BASELINE.flatMap((subject) => BASELINE_MEASURES.map((measure) => `${subject}.${measure}` as const)),
  ...TRUNK_RESPECTS,
  ...GRAPH_SIGNS,
  ...SAID_MEASURES,
  ...IDENTITY_MEASURES,
]

const PLACES = new Map<string, number>(FEATURE_NAMES.map((name, at) => [name, at]))

/** Where a feature stands in the vector; null when there is none of the name. */
export function placeOfFeature(name: string): number | null {
  return PLACES.get(name) ?? null
}
